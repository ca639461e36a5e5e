"""Policies: what probability each candidate gets. One protocol, several ways."""

from arbiter.policies.constant import ConstantPolicy
from arbiter.policies.greedy import GreedyPolicy
from arbiter.policies.protocol import Policy
from arbiter.policies.thompson import ThompsonPolicy, ThompsonSettings

__all__ = ["ConstantPolicy", "GreedyPolicy", "Policy", "ThompsonPolicy", "ThompsonSettings"]
