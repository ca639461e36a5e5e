"""Which domain a CLINC150 intent belongs to, by the labelling guide of the seed prompts."""

CLINC_DOMAINS = {
    "banking": "finance",
    "credit_cards": "finance",
    "small_talk": "conversation",
    "meta": "general",
    "utility": "general",
    "home": "general",
    "travel": "general",
    "auto_and_commute": "general",
    "kitchen_and_dining": "general",
}
"""CLINC's own domain to ours; ``work`` goes intent by intent and ``out_of_scope`` is of any."""

CLINC_INTENTS = {
    **dict.fromkeys(("yes", "no", "maybe", "repeat", "cancel", "user_name", "change_user_name"), "conversation"),
    **dict.fromkeys(("taxes", "income", "w2", "rollover_401k", "direct_deposit", "exchange_rate"), "finance"),
    **dict.fromkeys(("pto_request", "pto_request_status", "pto_used", "pto_balance", "payday"), "business"),
    **dict.fromkeys(("schedule_meeting", "meeting_schedule"), "business"),
    "next_holiday": "general",
    "calculator": "math",
    "translate": "translation",
    # Of several domains, or of one only by its answer: unknown.
    **dict.fromkeys(("definition", "vaccines", "international_visa", "insurance", "insurance_change", "fun_fact"), ""),
}
"""Intents that their CLINC domain does not place; an empty name leaves the domain unknown."""
