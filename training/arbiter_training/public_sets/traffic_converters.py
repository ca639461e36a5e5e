"""From the published shape of each judged log to the traffic table, rows by request and model.

Where a log has no cost, it is list price times tokens, and tokens are a quarter of the characters: figures to compare
routers by, not what anybody paid. The prices are those of the time, in US dollars per million tokens (in, out).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from arbiter_training.public_sets.content import Columns
from arbiter_training.public_sets.label_converters import Files, columns_of
from arbiter_training.public_sets.raw_text import csv_file, json_file, jsonl_file, zip_member_records
from arbiter_training.traffic.demo_data import pareto_rows

TRAFFIC = ("request_id", "prompt", "model", "quality", "cost_usd", "input_tokens", "output_tokens")

CHARACTERS_PER_TOKEN = 4

LLMROUTER_USD_PER_MTOK = {
    "codegemma-7b": 0.2,
    "gemma-2-9b-it": 0.1,
    "llama-3.1-8b-instruct": 0.2,
    "llama-3.1-nemotron-51b-instruct": 0.9,
    "llama-3.3-nemotron-super-49b-v1": 0.9,
    "llama3-chatqa-1.5-70b": 0.9,
    "llama3-chatqa-1.5-8b": 0.2,
    "mistral-7b-instruct-v0.3": 0.2,
    "qwen2.5-7b-instruct": 0.2,
}
LLMROUTER_OUTPUT_TOKENS = 200
"""Assumed of every answer: the log holds none."""

GPT4, MIXTRAL = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
GSM8K_USD_PER_MTOK = {GPT4: (10.0, 30.0), MIXTRAL: (0.6, 0.6)}
EARLIER_NAMES = {"mixtral-8x7b-instruct-v0.1": MIXTRAL}
"""What RouteLLM's first commits call a model in the head of the file."""

PARETO_WHEEL = "paretobandit-0.1.1-py3-none-any.whl"
PARETO_VAL, PARETO_TEST = (f"pareto_bandit/data/examples/{n}.jsonl" for n in ("val", "test_holdout"))


def tokens(text: str) -> int:
    """Estimate the tokens of a text, halves rounded to even."""
    return round(len(text) / CHARACTERS_PER_TOKEN)


def llmrouter_train(files: Files) -> Columns:
    """Read scores of nine models by question; tasks come from the queries, where of equal ones the last one counts."""
    task_of = {row["query"]: row["task_name"] for row in jsonl_file(files["default_query_train.jsonl"])}
    rows = []
    for number, item in enumerate(json_file(files["train.json"])):
        prompt = item["question"]
        n_in = tokens(prompt)
        shared = {"request_id": f"llmrouter-{number}", "prompt": prompt, "task": task_of[prompt]}
        for model, score in item["scores"].items():
            price = LLMROUTER_USD_PER_MTOK[model]
            cost = (n_in * price + LLMROUTER_OUTPUT_TOKENS * price) / 1e6
            counts = {"input_tokens": n_in, "output_tokens": None}
            rows.append({**shared, **counts, "model": model, "quality": score, "cost_usd": cost})
    return columns_of(_ordered(rows), (*TRAFFIC, "task"))


def gsm8k_gpt4_mixtral(files: Files) -> Columns:
    """Read right and wrong answers of two models; prompts that RouteLLM found in training data are left out."""
    contaminated = {row["eval_prompt"] for row in jsonl_file(files["contaminated_prompts.jsonl"])}
    rows = []
    for number, raw in enumerate(csv_file(files["gsm8k_responses.csv"])):
        line = {_today(head): cell for head, cell in raw.items()}
        if line["prompt"] in contaminated:
            continue
        for model, (price_in, price_out) in GSM8K_USD_PER_MTOK.items():
            n_in, n_out = tokens(line["prompt"]), tokens(line[f"{model}_response"])
            rows.append(
                {
                    "request_id": f"gsm8k-{number}",
                    "prompt": line["prompt"],
                    "model": model,
                    "quality": {"True": 1.0, "False": 0.0}[line[model]],
                    "cost_usd": (n_in * price_in + n_out * price_out) / 1e6,
                    "input_tokens": n_in,
                    "output_tokens": n_out,
                }
            )
    return columns_of(_ordered(rows), TRAFFIC)


def paretobandit_val_k3(files: Files) -> Columns:
    """Read the validation part that the wheel brings, three models."""
    return _pareto("paretobandit_val_k3", zip_member_records(files[PARETO_WHEEL], PARETO_VAL))


def paretobandit_val_k4(files: Files) -> Columns:
    """Read the validation part of the repository, four models."""
    return _pareto("paretobandit_val_k4", jsonl_file(files["val_k4.jsonl"]))


def paretobandit_train_part_k3(files: Files) -> Columns:
    """Read the balanced set less what is in the validation and test parts of the wheel."""
    wheel = files[PARETO_WHEEL]
    held_out = {item["prompt"] for member in (PARETO_VAL, PARETO_TEST) for item in zip_member_records(wheel, member)}
    kept = [item for item in jsonl_file(files["pareto_balanced.jsonl"]) if item["prompt"] not in held_out]
    return _pareto("paretobandit_train_part_k3", kept)


def _pareto(name: str, items: Iterable[Mapping[str, Any]]) -> Columns:
    unknown = {"input_tokens": None, "output_tokens": None}
    rows = [
        {**row, **unknown}
        for number, item in enumerate(items)
        for row in pareto_rows(f"request {number}", f"{name}-{number:05d}", item)
    ]
    return columns_of(_ordered(rows), (*TRAFFIC, "source"))


def _ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["request_id"], row["model"]))


def _today(head: str) -> str:
    for earlier, name in EARLIER_NAMES.items():
        if head in (earlier, f"{earlier}_response"):
            return head.replace(earlier, name)
    return head
