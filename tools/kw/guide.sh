# ./kw guide: which items of the guide tests show today. The list is tests/guide/items.txt.

cmd_guide() { PYTHONDONTWRITEBYTECODE=1 python3 tests/guide/guide_list.py "$@"; }
