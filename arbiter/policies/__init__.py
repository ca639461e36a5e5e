"""Policies: what probability each candidate gets. One protocol, several ways."""

from arbiter.policies.bandit import BanditPolicy, BanditSettings
from arbiter.policies.constant import ConstantPolicy
from arbiter.policies.gate import GateSettings
from arbiter.policies.greedy import GreedyPolicy
from arbiter.policies.protocol import Policy
from arbiter.policies.rule import Rule

__all__ = ["BanditPolicy", "BanditSettings", "ConstantPolicy", "GateSettings", "GreedyPolicy", "Policy", "Rule"]
