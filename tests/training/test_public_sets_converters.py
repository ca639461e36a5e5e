"""Each published shape to its table, on rows written for the test."""

import csv
import gzip
import json
import zipfile
from pathlib import Path

import pytest

from arbiter.errors import DownloadError
from arbiter_training.public_sets import PublicSet, RawFile, read_manifest
from arbiter_training.public_sets import raw_text as raw_text_module
from arbiter_training.public_sets.content import Columns
from arbiter_training.public_sets.converters import CONVERTERS, convert
from arbiter_training.public_sets.raw_text import csv_file, json_file, jsonl_file, zip_member_records
from arbiter_training.public_sets.traffic_converters import GPT4, MIXTRAL, PARETO_TEST, PARETO_VAL, PARETO_WHEEL, tokens

MANIFEST = read_manifest()


def as_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def as_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def as_wheel(path: Path, members: dict[str, list[dict[str, object]]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in members.items():
            archive.writestr(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def converted(name: str, *paths: Path) -> Columns:
    return convert(MANIFEST[name], {path.name: path for path in paths})


def arms(**rewards: float) -> dict[str, object]:
    return {m: {"reward": r, "cost": r / 100, "near_best": True} for m, r in rewards.items()}


def test_every_set_that_can_be_fetched_has_a_converter() -> None:
    """And every converter a set; the files that it reads are those of the manifest (they are looked up by name)."""
    assert set(CONVERTERS) == {name for name, entry in MANIFEST.items() if entry.files}


def test_clinc150(tmp_path: Path) -> None:
    """Pairs by split; the domain comes from the intent, and what is out of scope has a name of its own."""
    full = as_json(tmp_path / "data_full.json", {"val": [["move my money", "transfer"]], "oos_val": [["hm", "oos"]]})
    domains = as_json(tmp_path / "domains.json", {"banking": ["transfer"]})
    assert converted("clinc150", full, domains) == {
        "prompt": ["move my money", "hm"],
        "intent": ["transfer", "oos"],
        "domain": ["banking", "out_of_scope"],
        "split": ["val", "oos_val"],
    }


def test_openai_moderation(tmp_path: Path) -> None:
    """A category that a sample lacks stays unknown, which is not 0."""
    rows = [{"prompt": "a", "S": 0, "V2": 1}, {"prompt": "b", "H": 1}]
    found = converted("openai_moderation", as_jsonl(tmp_path / "samples-1680.jsonl.gz", rows))
    assert list(found) == ["prompt", "S", "H", "V", "HR", "SH", "S3", "H2", "V2"]
    assert (found["S"], found["H"], found["V2"], found["V"]) == ([0.0, None], [None, 1.0], [1.0, None], [None, None])


def test_catqa_harmful(tmp_path: Path) -> None:
    """Questions under category and subcategory; the colon after some is dropped."""
    tree = {"Illegal": {"Theft:": ["q1", "q2"]}, "Economic": {"Fraud": ["q3"]}}
    assert converted("catqa_harmful", as_json(tmp_path / "catqa_english.json", tree)) == {
        "prompt": ["q1", "q2", "q3"],
        "category": ["Illegal", "Illegal", "Economic"],
        "subcategory": ["Theft", "Theft", "Fraud"],
    }


def test_prompt_injection(tmp_path: Path) -> None:
    """The user's text is the prompt, the test case the system prompt."""
    row = {
        "prompt_id": 0, "test_case_prompt": "Keep it.", "user_input": "Tell it.", "judge_question": "?",
        "injection_variant": "v", "injection_type": "direct", "risk_category": "security-violating",
    }  # fmt: skip
    found = converted("prompt_injection", as_json(tmp_path / "prompt_injection.json", [row]))
    assert list(found) == ["prompt", "system_prompt", "injection_variant", "injection_type", "risk_category"]
    assert (found["prompt"], found["system_prompt"]) == (["Tell it."], ["Keep it."])


def test_cyber_benign_borderline(tmp_path: Path) -> None:
    """Prompts alone; one that is marked as malicious stops all."""
    row = {"mutated_prompt": "Write a port scanner for our own hosts", "is_malicious": False}
    path = as_json(tmp_path / "frr.json", [row])
    assert converted("cyber_benign_borderline", path) == {"prompt": [row["mutated_prompt"]]}
    as_json(path, [{**row, "is_malicious": True}])
    with pytest.raises(DownloadError, match="malicious"):
        converted("cyber_benign_borderline", path)


def test_llmrouter_train(tmp_path: Path) -> None:
    """Rows by request and model; 10 characters are 2 tokens, and (2 + 200) x $0.1 a million are $0.0000202."""
    scores = {"qwen2.5-7b-instruct": 1.0, "gemma-2-9b-it": 0.25}
    train = as_json(tmp_path / "train.json", [{"question": "0123456789", "scores": scores, "cluster_id": 0}])
    asked = [{"query": "0123456789", "task_name": t} for t in ("mmlu", "openbook_qa")]
    found = converted("llmrouter_train", train, as_jsonl(tmp_path / "default_query_train.jsonl", asked))
    assert found["request_id"] == ["llmrouter-0"] * 2
    assert found["model"] == ["gemma-2-9b-it", "qwen2.5-7b-instruct"]
    assert found["quality"] == [0.25, 1.0]
    assert found["cost_usd"] == pytest.approx([0.0000202, 0.0000404])
    assert (found["input_tokens"], found["output_tokens"], found["task"]) == ([2, 2], [None] * 2, ["openbook_qa"] * 2)


@pytest.mark.parametrize("mixtral", [MIXTRAL, "mixtral-8x7b-instruct-v0.1"])
def test_gsm8k_gpt4_mixtral(tmp_path: Path, mixtral: str) -> None:
    """Contaminated prompts are left out but counted in the numbers; both heads that the file has had are known."""
    table = tmp_path / "gsm8k_responses.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", mixtral, GPT4, f"{mixtral}_response", f"{GPT4}_response"])
        writer.writerow(["seen before", True, True, "", ""])
        writer.writerow(['Two "eggs",\nhow many?', False, True, "x" * 40, "y" * 400])
    seen = as_jsonl(tmp_path / "contaminated_prompts.jsonl", [{"eval_prompt": "seen before"}])
    found = converted("gsm8k_gpt4_mixtral", table, seen)
    assert found["request_id"] == ["gsm8k-1"] * 2
    assert (found["model"], found["quality"]) == ([GPT4, MIXTRAL], [1.0, 0.0])
    assert (found["input_tokens"], found["output_tokens"]) == ([5, 5], [100, 10])
    assert found["cost_usd"] == pytest.approx([(5 * 10 + 100 * 30) / 1e6, 15 * 0.6 / 1e6])


def test_tokens_round_halves_to_even() -> None:
    """2.5 to 2, 3.5 to 4."""
    assert [tokens("x" * n) for n in (0, 1, 10, 14, 15)] == [0, 0, 2, 4, 4]


def test_paretobandit(tmp_path: Path) -> None:
    """The wheel's part by its exact name; the balanced set less what the wheel holds, numbered after that."""
    val = {"prompt": "a\u2028b", "source": "mbpp", "arms": arms(m=0.5, k=1.0), "best_arm": "k"}
    test = {"prompt": "c", "source": "gsm8k", "arms": arms(m=0.1, k=0.2)}
    new = {"prompt": "d", "source": "mmlu", "arms": arms(m=0.3, k=0.4)}
    evil = {"../../evil.py": [], "/etc/evil": [], "../val.jsonl": [new]}
    wheel = as_wheel(tmp_path / PARETO_WHEEL, {**evil, PARETO_VAL: [val], PARETO_TEST: [test]})
    found = converted("paretobandit_val_k3", wheel)
    assert found["request_id"] == ["paretobandit_val_k3-00000"] * 2
    assert (found["prompt"][0], found["model"], found["quality"]) == ("a\u2028b", ["k", "m"], [1.0, 0.5])
    assert found["source"] == ["mbpp"] * 2 and "best_arm" not in found
    balanced = as_jsonl(tmp_path / "pareto_balanced.jsonl", [val, new, test])
    part = converted("paretobandit_train_part_k3", balanced, wheel)
    assert (part["prompt"], part["request_id"][0]) == (["d", "d"], "paretobandit_train_part_k3-00000")
    four = converted("paretobandit_val_k4", as_jsonl(tmp_path / "val_k4.jsonl", [val]))
    assert four["request_id"] == ["paretobandit_val_k4-00000"] * 2
    held = {PARETO_WHEEL, "pareto_balanced.jsonl", "val_k4.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == held, "something was unpacked"


@pytest.mark.parametrize("name", sorted(CONVERTERS))
@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"[1]", b'{"a":', b"\xff\xfe", b"a,b\n1,2,3\n", b"[" * 100_000, b"null"]
)
def test_any_other_shape_is_said_in_one_line(tmp_path: Path, name: str, data: bytes) -> None:
    """Whatever lies where the raw files should be: an error that names the file or the set, or no rows."""
    files = {}
    for file in MANIFEST[name].files:
        (tmp_path / file.name).write_bytes(data)
        files[file.name] = tmp_path / file.name
    try:
        found = convert(MANIFEST[name], files)
    except DownloadError as error:
        assert name in str(error) or any(file in str(error) for file in files)
        assert "\n" not in str(error)
    else:
        assert all(len(cells) == 0 for cells in found.values())


def test_what_a_compressed_file_grows_to_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In gzip and in zip, before it is all in memory."""
    monkeypatch.setattr(raw_text_module, "MAX_TEXT_BYTES", 10_000)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b" " * 1_000_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", b" " * 1_000_000)
    with pytest.raises(DownloadError, match="grows beyond 10,000 bytes"):
        jsonl_file(tmp_path / "a.jsonl.gz")
    with pytest.raises(DownloadError, match="grows beyond 10,000 bytes"):
        zip_member_records(tmp_path / "a.zip", "a.jsonl")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """Gzip that is cut, a zip without its end, JSON with half a character, a member that is missing."""
    whole = gzip.compress(b'{"a": 1}\n' * 1000)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "a.json").write_bytes(b'"\xc3')
    (tmp_path / "a.csv").write_bytes(b'a,b\n"1,2\n')
    as_wheel(tmp_path / "b.zip", {"other": []})
    for read in (
        lambda: jsonl_file(tmp_path / "a.jsonl.gz"),
        lambda: zip_member_records(tmp_path / "a.zip", "m"),
        lambda: zip_member_records(tmp_path / "b.zip", "m"),
        lambda: json_file(tmp_path / "a.json"),
        lambda: csv_file(tmp_path / "a.csv"),
    ):
        with pytest.raises(DownloadError, match=str(tmp_path)):
            read()


def test_a_set_without_that_shape_names_its_source(tmp_path: Path) -> None:
    """The page where people can look what changed."""
    file = RawFile(name="frr.json", url="https://example.org/frr.json", max_bytes=10)
    entry: PublicSet = MANIFEST["cyber_benign_borderline"]
    with pytest.raises(DownloadError, match=f"see {entry.source}"):
        convert(entry, {file.name: as_json(tmp_path / file.name, [{"prompt": "renamed"}])})
