"""Phone numbers in E.164, by the numbering plans that phonenumbers carries."""

from collections.abc import Callable, Sequence

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_PLUS = ("+", "\N{FULLWIDTH PLUS SIGN}")
_DIALLED_FOR_PLUS = "00"


def e164(phone: str, countries: Sequence[str]) -> str | None:
    """The number, without an extension; None where it can't be told.

    One without a country's code is of the first of the countries that has such a number. One with
    it needs only the right length: new ranges are given out all the time.
    """
    text = phone.strip()
    if text.startswith(_PLUS):
        return _number(text, None, _is_long_enough)
    for country in countries:
        if found := _number(text, country, phonenumbers.is_valid_number):
            return found
    if text.startswith(_DIALLED_FOR_PLUS):
        return _number(f"+{text[len(_DIALLED_FOR_PLUS) :]}", None, phonenumbers.is_valid_number)
    return None


def _number(text: str, country: str | None, there_is: Callable[[PhoneNumber], bool]) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if there_is(number) else None


def _is_long_enough(number: PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
