"""Every text that code asks for exists in every language, and every text is asked for."""

import ast
from collections.abc import Iterator, Mapping
import re
from typing import Any

import pytest
import yaml

from custom_components.whatsapp_web.issues import ISSUES

from .house import INTEGRATION, home_assistant_side, load_json, parse

TRANSLATIONS = INTEGRATION / "translations"
LANGUAGES = ("en", "pt-BR")
OTHER_LANGUAGES = LANGUAGES[1:]

# Abort reasons that Home Assistant's own helpers give when called.
REASONS_OF_HELPERS = {
    "async_update_reload_and_abort": {"reauth_successful", "reconfigure_successful"},
    "_abort_if_unique_id_configured": {"already_configured"},
    "_abort_if_unique_id_mismatch": {"unique_id_mismatch"},
    "_async_abort_entries_match": {"already_configured"},
}
# The parts whose keys are names that code gives, each key a text or a group of texts.
KEYED_PARTS = (
    "config.step",
    "config.error",
    "config.abort",
    "config.progress",
    "exceptions",
    "issues",
    "options.error",
    "options.step",
    "services",
)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return dotted path -> text."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        flat |= flatten(value, path) if isinstance(value, dict) else {path: value}
    return flat


def texts(language: str) -> dict[str, str]:
    return flatten(load_json(TRANSLATIONS / f"{language}.json"))


def below(part: str) -> set[str]:
    """Return the keys right below a part of the English texts."""
    start = f"{part}."
    return {
        path.removeprefix(start).split(".")[0] for path in texts("en") if path.startswith(start)
    }


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


# --- what code asks for -------------------------------------------------------

MODULES = {path.stem: parse(path) for path in home_assistant_side()}
CONSTANTS = {
    target.id: node.value.value
    for module in MODULES.values()
    for node in module.body
    if isinstance(node, ast.AnnAssign | ast.Assign)
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    if isinstance(target, ast.Name)
}


def strings(node: ast.AST) -> set[str]:
    """Return the strings an expression may be: itself, a constant's, or its branches'."""
    match node:
        case ast.Constant(value=str(value)):
            return {value}
        case ast.Name(id=name) if name in CONSTANTS:
            return {CONSTANTS[name]}
        case ast.IfExp(body=body, orelse=other):
            return strings(body) | strings(other)
        case _:
            return set()


def calls() -> Iterator[tuple[str, str, dict[str, ast.expr], ast.Call]]:
    """Yield module, name of what is called, keyword arguments, and the call."""
    for name, module in MODULES.items():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).rsplit(".", maxsplit=1)[-1]
                yield name, called, {k.arg: k.value for k in node.keywords if k.arg}, node


def handed_in(module: ast.Module, call: ast.Call, argument: ast.expr) -> set[str]:
    """Return the strings with which a function is called whose parameter a call passes on."""
    if not isinstance(argument, ast.Name):
        return set()
    found: set[str] = set()
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = [parameter.arg for parameter in function.args.args]
        if argument.id not in names or call not in list(ast.walk(function)):
            continue
        for other in ast.walk(module):
            if isinstance(other, ast.Call) and ast.unparse(other.func) == function.name:
                found |= set().union(*(strings(given) for given in other.args), set())
    return found


def asked_for(keyword: str, *, only: set[str] | None = None, never: str = "") -> set[str]:
    """Return the values of a keyword argument in all calls (of `only` these names)."""
    found: set[str] = set()
    for module, called, keywords, call in calls():
        if keyword not in keywords or called == never or (only is not None and called not in only):
            continue
        value = keywords[keyword]
        found |= strings(value) or handed_in(MODULES[module], call, value)
    return found


def exception_keys() -> set[str]:
    return {
        key
        for module, called, keywords, call in calls()
        if "translation_domain" in keywords and called != "async_create_issue"
        for value in [keywords.get("translation_key", ast.Constant(None))]
        for key in strings(value) or handed_in(MODULES[module], call, value)
    }


def abort_reasons() -> set[str]:
    by_helpers = {
        reason for _, called, _, _ in calls() for reason in REASONS_OF_HELPERS.get(called, set())
    }
    return by_helpers | asked_for("reason", only={"async_abort", "Refused", "AbortFlow"})


def entity_keys() -> set[str]:
    """Return "platform.key" of entity classes and descriptions."""
    found: set[str] = set()
    for name, module in MODULES.items():
        for node in ast.walk(module):
            match node:
                case ast.Assign(targets=[ast.Name(id="_attr_translation_key")], value=value):
                    found |= {f"{name}.{key}" for key in strings(value)}
                case ast.Call(func=ast.Name(id=called), keywords=keywords) if called.endswith(
                    "EntityDescription"
                ):
                    given = {k.arg: k.value for k in keywords}
                    if key := given.get("translation_key"):
                        found |= {f"{name}.{text}" for text in strings(key)}
    return found


def of_repairs(part: str) -> set[str]:
    """Return the keys of that part of all dialogs that mend an issue."""
    fixable = [issue for issue in below("issues") if "fix_flow" in below(f"issues.{issue}")]
    return {key for issue in fixable for key in below(f"issues.{issue}.fix_flow.{part}")}


def all_strings() -> set[str]:
    return {
        node.value
        for module in MODULES.values()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def causes() -> set[str]:
    """Return the keys in the table of exceptions.py: strings in tuples with a class."""
    return {
        key
        for item in ast.walk(MODULES["exceptions"])
        if isinstance(item, ast.Tuple) and len(item.elts) == 2
        for key in strings(item.elts[1])
    }


# --- the tests ----------------------------------------------------------------


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_languages_have_the_same_texts(language: str) -> None:
    assert sorted(texts(language)) == sorted(texts("en"))


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_languages_have_the_same_placeholders(language: str) -> None:
    english, other = texts("en"), texts(language)
    differing = {p for p in english if placeholders(english[p]) != placeholders(other[p])}
    assert differing == set()


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_long_texts_are_translated(language: str) -> None:
    english, other = texts("en"), texts(language)
    assert {p for p in english if len(english[p].split()) > 4 and english[p] == other[p]} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: str) -> None:
    assert {path for path, text in texts(language).items() if not text.strip()} == set()


def test_raised_errors_are_translated() -> None:
    asked = exception_keys() | causes()
    assert len(asked) > 10
    assert asked - below("exceptions") == set()


def test_steps_are_translated() -> None:
    asked = asked_for("step_id", only={"async_show_form", "async_show_menu"})
    assert {"user", "reauth_confirm"} <= asked
    assert asked - below("config.step") - below("options.step") - of_repairs("step") == set()


def test_abort_reasons_are_translated() -> None:
    asked = abort_reasons()
    assert "reauth_successful" in asked
    assert asked - below("config.abort") - of_repairs("abort") == set()


def test_form_errors_are_translated() -> None:
    # A failed round shows the causes of exceptions.py as a form's error; nobody is
    # written to while linking, and no file travels.
    only_of_sending = {
        "identity_unconfirmed",
        "message_expired",
        "message_invalid",
        "message_rejected",
        "message_unknown",
        "no_devices",
        "not_on_whatsapp",
        "not_synchronised",
        "outbox_full",
        "send_failed",
        "not_in_group",
    }
    of_files = {cause for cause in causes() if cause.startswith("media_")}
    assert causes() - only_of_sending - of_files - below("config.error") == set()


def test_progress_is_translated() -> None:
    assert asked_for("progress_action") - below("config.progress") == set()
    assert len(below("config.progress")) > 0


def test_issues_are_translated() -> None:
    assert set(ISSUES) == below("issues")


def test_entities_are_translated() -> None:
    platforms = below("entity")
    translated = {
        f"{platform}.{key}" for platform in platforms for key in below(f"entity.{platform}")
    }
    assert len(translated) > 0
    assert entity_keys() == translated


@pytest.mark.parametrize("part", KEYED_PARTS)
def test_every_text_is_asked_for(part: str) -> None:
    by_helpers = {reason for reasons in REASONS_OF_HELPERS.values() for reason in reasons}
    known = all_strings() | (by_helpers if part == "config.abort" else set())
    assert below(part) - known == set()


def test_every_action_is_described_once_and_in_order() -> None:
    text = (INTEGRATION / "services.yaml").read_text("utf-8")
    actions = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert actions == sorted(set(actions))


def test_actions_and_their_fields_are_described_and_have_icons() -> None:
    described = yaml.safe_load((INTEGRATION / "services.yaml").read_text("utf-8"))
    icons = load_json(INTEGRATION / "icons.json")
    assert set(described) == below("services") == set(icons["services"])
    for action, description in described.items():
        fields = set((description or {}).get("fields", {}))
        assert fields == below(f"services.{action}.fields")


def test_icons_belong_to_translated_entities() -> None:
    icons = load_json(INTEGRATION / "icons.json")
    for platform, entities in icons.get("entity", {}).items():
        assert set(entities) <= below(f"entity.{platform}")
