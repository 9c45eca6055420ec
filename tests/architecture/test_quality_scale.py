"""quality_scale.yaml: every rule of Home Assistant's scale, done or exempt for a reason."""

import pytest
import yaml

from .house import INTEGRATION, load_json

BRONZE = """
action-setup appropriate-polling brands common-modules config-flow config-flow-test-coverage
dependency-transparency docs-actions docs-conditions docs-high-level-description
docs-installation-instructions docs-removal-instructions docs-triggers entity-event-setup
entity-unique-id has-entity-name runtime-data test-before-configure test-before-setup
unique-config-entry
"""
SILVER = """
action-exceptions config-entry-unloading docs-configuration-parameters
docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
parallel-updates reauthentication-flow test-coverage
"""
GOLD = """
devices diagnostics discovery discovery-update-info docs-data-update docs-examples
docs-known-limitations docs-supported-devices docs-supported-functions docs-troubleshooting
docs-use-cases dynamic-devices entity-category entity-device-class
entity-disabled-by-default entity-translations exception-translations icon-translations
reconfiguration-flow repair-issues stale-devices
"""
PLATINUM = "async-dependency inject-websession strict-typing"
RULES = f"{BRONZE} {SILVER} {GOLD} {PLATINUM}".split()


def answers() -> dict[str, object]:
    loaded = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text("utf-8"))
    rules: dict[str, object] = loaded["rules"]
    return rules


def test_the_scale_has_54_rules() -> None:
    assert len(RULES) == len(set(RULES)) == 54


def test_every_rule_is_answered_and_no_other() -> None:
    assert sorted(answers()) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_done_or_exempt_for_a_reason(rule: str) -> None:
    match answers()[rule]:
        case "done" | {"status": "done"}:
            return
        case {"status": "exempt", "comment": str(comment)}:
            assert len(comment.split()) > 3
        case other:
            pytest.fail(f"{rule}: {other}")


def test_manifest_names_an_owner() -> None:
    assert load_json(INTEGRATION / "manifest.json")["codeowners"]
