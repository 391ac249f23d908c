"""Writes example numbers of every region as Google's rules judge them, by their port to Python (requirements.txt).

python3 example-numbers.py > ../../../crates/trial-core/tests/suite/values/example-numbers.tsv
"""

import phonenumbers as pn

KINDS = ("MOBILE", "FIXED_LINE", "TOLL_FREE")
TYPE_NAMES = {value: name for name, value in vars(pn.PhoneNumberType).items() if isinstance(value, int)}

print(f"# region\ttype\tE.164\tnational format; phonenumbers {pn.__version__}")
for region in sorted(pn.SUPPORTED_REGIONS):
    seen = set()
    for kind in KINDS:
        number = pn.example_number_for_type(region, getattr(pn.PhoneNumberType, kind))
        if number is None or not pn.is_valid_number(number):
            continue
        e164 = pn.format_number(number, pn.PhoneNumberFormat.E164)
        if e164 in seen:
            continue
        seen.add(e164)
        national = pn.format_number(number, pn.PhoneNumberFormat.NATIONAL)
        parsed = pn.parse(national, region)
        if pn.format_number(parsed, pn.PhoneNumberFormat.E164) != e164:
            national = ""
        print(pn.region_code_for_number(number), TYPE_NAMES[pn.number_type(number)], e164, national, sep="\t")
