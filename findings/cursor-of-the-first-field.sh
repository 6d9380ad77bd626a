#!/usr/bin/env bash
# The cursors of Django REST framework and django-ninja know the first field of an order, and count rows from there.
#
# Expected:  ordering = ("category", "id") is a whole order, since no two rows have the same id. A cursor in that order
#            says behind which row to go on, so that a walk meets each row once, however many share a category and
#            whatever is deleted meanwhile; that is what cursors are there for.
# Observed:  both packages put the value of `category` into the cursor and a number of rows to skip, and never look at
#            `id`. Of 1,500 rows in one category, by pages of 50, Django REST framework gives 1,050: from the page behind
#            the 1,000th row on, the next link leads to that page again and again, and 450 rows are on none. django-ninja
#            has the first 50, and a ValidationError in place of the page that would end at the 100th. One deleted row
#            that was met before costs the walk another that is there, and one that is added makes it meet a row twice.
#            By ("-rating", "id"), where 10 of 30 rows have no rating, both end after the 20 that have one, as if these
#            were all. django-cursor-pagination meets each row once in all four walks; sqlakeyset does but for the last
#            one, of which it warns.
# Versions:  djangorestframework 3.18.3, django-ninja 1.7.1, django-cursor-pagination 0.3.0, Django 5.2.19,
#            sqlakeyset 2.0.1787969905, SQLAlchemy 2.1.9 (PyPI); SQLite
# For us:    a cursor holds the place in all fields of the order, the id among them, and what has no rating is in the
#            walk (docs/api.md, "A walk through all pages"; tests/catalog/test_walks.py).
# Source:    Django REST framework's guide to pagination: the order is a string "or list of strings", the field is to be
#            nearly unique and not nullable, and no item is seen twice; its pull request 4212 lets a subclass set
#            offset_cutoff. django-ninja has NINJA_PAGINATION_MAX_OFFSET, 100; sqlakeyset's README warns of nulls.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'Django==5.2.19' 'djangorestframework==3.18.3' 'django-ninja==1.7.1' \
  'django-cursor-pagination==0.3.0' 'SQLAlchemy==2.1.9' 'sqlakeyset==2.0.1787969905'

cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from urllib.parse import parse_qs, urlsplit

import django
import sqlalchemy
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}},
    INSTALLED_APPS=["rest_framework"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ALLOWED_HOSTS=["*"],
)
django.setup()

import cursor_pagination
import ninja.pagination
from django.db import connection, models
from pydantic import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from sqlakeyset import select_page
from sqlalchemy.orm import Session

MOST_PAGES = 40


class Product(models.Model):
    category = models.CharField(max_length=20, default="fruits")
    rating = models.FloatField(null=True)

    class Meta:
        app_label = "shop"


with connection.schema_editor() as editor:
    editor.create_model(Product)
engine = sqlalchemy.create_engine("sqlite:///shop.db")
table = sqlalchemy.Table(Product._meta.db_table, sqlalchemy.MetaData(), autoload_with=engine)


def by_framework(order, size):
    class Pages(CursorPagination):
        page_size = size
        ordering = order

    def page(link):
        pages = Pages()
        rows = pages.paginate_queryset(Product.objects.all(), Request(APIRequestFactory().get(link or "/")))
        return [row.id for row in rows], pages.get_next_link()

    return page


def by_ninja(order, size):
    pages = ninja.pagination.CursorPagination(ordering=order, page_size=size)

    def page(link):
        cursor = parse_qs(urlsplit(link).query)["cursor"][0] if link else None
        asked = APIRequestFactory().get(link or "/")
        answer = pages.paginate_queryset(Product.objects.all(), pages.Input(cursor=cursor), asked)
        return [row.id for row in answer["results"]], answer["next"]

    return page


def by_cursor_pagination(order, size):
    pages = cursor_pagination.CursorPaginator(Product.objects.all(), ordering=order)

    def page(after):
        rows = pages.page(first=size, after=after)
        return [row.id for row in rows], pages.cursor(rows[-1]) if rows.has_next else None

    return page


def by_sqlakeyset(order, size):
    columns = [table.c[name.lstrip("-")] for name in order]
    ordered = [
        column.desc() if name.startswith("-") else column for name, column in zip(order, columns, strict=True)
    ]

    def page(mark):
        with Session(engine) as session:
            rows = select_page(session, sqlalchemy.select(table).order_by(*ordered), per_page=size, page=mark)
            return [row.id for row in rows], rows.paging.bookmark_next if rows.paging.has_next else None

    return page


def walk(page, meanwhile=lambda: None):
    """The ids of all pages, and how it ended; after two pages something happens to the rows."""
    met, at = [], None
    for number in range(1, MOST_PAGES + 1):
        try:
            ids, at = page(at)
        except ValidationError as error:
            return met, error.errors()[0]["msg"]
        met += ids
        if at is None:
            return met, "end"
        if number == 2:
            meanwhile()
    return met, "no end"


def fill(rows, rating=lambda number: None):
    Product.objects.all().delete()
    Product.objects.bulk_create(Product(id=number, rating=rating(number)) for number in range(1, rows + 1))


def walks_of(kind):
    fill(1500)
    met, end = walk(kind(("category", "id"), 50))
    yield len(set(met)), end
    fill(90)
    met, _ = walk(kind(("category", "id"), 20), Product.objects.filter(id=1).delete)
    yield sorted(set(range(1, 91)).difference(met))
    fill(90)
    met, _ = walk(kind(("category", "-id"), 20), lambda: Product.objects.create(id=1000))
    yield len(met) - len(set(met))
    fill(30, lambda number: number / 10 if number % 3 else None)
    met, end = walk(kind(("-rating", "id"), 4))
    yield len(met), end


kinds = {
    "djangorestframework": by_framework,
    "django-ninja": by_ninja,
    "django-cursor-pagination": by_cursor_pagination,
    "sqlakeyset": by_sqlakeyset,
}
told = {name: list(walks_of(kind)) for name, kind in kinds.items()}
assert told == {
    "djangorestframework": [(1050, "no end"), [41], 1, (20, "end")],
    "django-ninja": [(50, "Input should be less than 100"), [41], 1, (20, "end")],
    "django-cursor-pagination": [(1500, "end"), [], 0, (30, "end")],
    "sqlakeyset": [(1500, "end"), [], 0, (20, "end")],
}, told

fill(1500)
pages, at = [], None
page = by_framework(("category", "id"), 50)
for _ in range(23):
    ids, at = page(at)
    pages.append(ids[0])
assert pages == [*range(1, 1002, 50), 1001, 1001], pages
for name, ((rows, end), lost, twice, (rated, _)) in told.items():
    print(f"as observed: {name}: {rows} of 1500 ties ({end}), lost {lost}, twice {twice}, {rated} of 30 with nulls")
PYTHON
