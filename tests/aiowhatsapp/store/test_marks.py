import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import DeliveryMarks
from custom_components.whatsapp_web.aiowhatsapp.store.marks import MARKS_SIZE, SLOTS


def fresh() -> tuple[DeliveryMarks, bytearray]:
    buffer = bytearray(MARKS_SIZE)
    return DeliveryMarks(buffer, secret=b"s"), buffer


def again(buffer: bytearray, secret: bytes = b"s") -> DeliveryMarks:
    """Read the marks as the next process does."""
    return DeliveryMarks(bytearray(buffer), secret=secret)


def test_a_mark_is_there_for_the_next_process() -> None:
    marks, buffer = fresh()
    marks.mark("a")

    assert marks.is_marked("a")
    assert again(buffer).is_marked("a")
    assert not again(buffer).is_marked("b")


def test_marking_twice_takes_one_slot() -> None:
    marks, buffer = fresh()
    marks.mark("a")
    marks.mark("a")

    assert len(marks) == len(again(buffer)) == 1


def test_a_forgotten_mark_is_gone_for_the_next_process() -> None:
    marks, buffer = fresh()
    marks.mark("a")
    marks.mark("b")
    marks.forget("a")
    marks.forget("never there")

    assert not marks.is_marked("a")
    assert not again(buffer).is_marked("a")
    assert again(buffer).is_marked("b")


def test_slots_are_used_again() -> None:
    marks, buffer = fresh()
    for number in range(3 * SLOTS):
        marks.mark(f"m{number}")
        marks.forget(f"m{number}")
    marks.mark("last")

    assert len(again(buffer)) == 1


def test_a_full_ring_gives_up_its_oldest() -> None:
    marks, buffer = fresh()
    for number in range(SLOTS + 2):
        marks.mark(f"m{number}")

    assert len(marks) == len(again(buffer)) == SLOTS
    assert [again(buffer).is_marked(f"m{number}") for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    assert again(buffer).is_marked(f"m{SLOTS + 1}")


def test_clear_frees_all_slots() -> None:
    marks, buffer = fresh()
    for number in range(SLOTS):
        marks.mark(f"m{number}")
    marks.clear()

    assert len(marks) == len(again(buffer)) == 0
    for number in range(SLOTS):
        marks.mark(f"n{number}")
    assert len(again(buffer)) == SLOTS


def test_marks_say_nothing_without_the_secret() -> None:
    marks, buffer = fresh()
    marks.mark("chat/sender/id")

    assert b"sender" not in buffer
    assert not again(buffer, secret=b"other").is_marked("chat/sender/id")


def test_half_a_mark_is_no_mark() -> None:
    marks, buffer = fresh()
    marks.mark("a")
    buffer[16 + 8 : 16 + 16] = bytes(8)

    assert not again(buffer).is_marked("a")


def test_another_layout_is_started_afresh() -> None:
    buffer = bytearray(b"\xff" * MARKS_SIZE)
    marks = DeliveryMarks(buffer, secret=b"s")

    assert len(marks) == 0
    marks.mark("a")
    assert again(buffer).is_marked("a")


def test_keys_that_are_no_valid_text_can_be_marked() -> None:
    marks, _ = fresh()
    marks.mark("\ud800")

    assert marks.is_marked("\ud800")


def test_detached_marks_refuse_changes() -> None:
    marks, buffer = fresh()
    marks.mark("a")

    assert marks.detach() is buffer
    for change in (marks.mark, marks.forget):
        with pytest.raises(StoreError):
            change("a")
    with pytest.raises(StoreError):
        marks.clear()
