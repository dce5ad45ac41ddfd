"""Limiters on Django's cache: django-ratelimit, django-redis itself, Django REST framework."""

import time

import django
from django.conf import settings
from frame import LIMIT, WINDOW_S, Wait, between, expect, row

# Django is set up once a process; the server is known from the first row on.
BACKENDS = {
    "django-redis": "django_redis.cache.RedisCache",
    "native": "django.core.cache.backends.redis.RedisCache",
}


def cache_of(server, name):
    from django.core.cache import caches

    if not settings.configured:
        places = {name: {"BACKEND": backend, "LOCATION": server.url} for name, backend in BACKENDS.items()}
        settings.configure(
            CACHES={**places, "default": places["native"]},
            INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        )
        django.setup()
    cache = caches[name]
    cache.get(server.key("warm"))  # The connection is made before time counts.
    return cache


def django_ratelimit(server, cache):
    cache_of(server, cache)
    from django.http import HttpResponse
    from django.test import RequestFactory, override_settings
    from django_ratelimit.core import get_usage
    from django_ratelimit.decorators import ratelimit

    key, rate = server.key(), f"{LIMIT}/{WINDOW_S}s"

    @ratelimit(group="conformance", key=lambda group, request: key, rate=rate, block=False)
    def view(request):
        return HttpResponse(status=429 if request.limited else 200)

    def status():
        return view(RequestFactory().get("/")).status_code

    def usage():
        return get_usage(RequestFactory().get("/"), "conformance", key=lambda group, request: key, rate=rate)

    with override_settings(RATELIMIT_USE_CACHE=cache):
        # Windows are aligned with the clock: begin with a new one.
        window = time.time() + usage()["time_left"]
        while usage()["time_left"] != WINDOW_S - 1 or time.time() % 1 > 0.2:
            assert time.time() < window + 3 * WINDOW_S, "no window begins"
            time.sleep(0.02)
        wait = Wait(WINDOW_S / 2, WINDOW_S)
        expect([status() for _ in range(LIMIT)], [200] * LIMIT, "within the limit")
        expect(status(), 429, "over the limit")
        used = usage()
        expect((used["count"], used["limit"], used["should_limit"]), (LIMIT + 1, LIMIT, True), "usage")
        between(0, used["time_left"], WINDOW_S, "time left")
        wait.until(lambda: status() == 200)


@row("django-ratelimit", "strings", "django-ratelimit", "fixed window, aligned", library="django-ratelimit on django-redis")
def on_django_redis(server):
    django_ratelimit(server, "django-redis")


@row("django-ratelimit-native", "strings", "django-ratelimit", "fixed window, aligned",
     library="django-ratelimit on Django's RedisCache")
def on_django_itself(server):
    django_ratelimit(server, "native")


@row("django-redis", "strings", "django-redis", "fixed window by add and incr")
def counter_by_hand(server):
    cache, key = cache_of(server, "django-redis"), server.key()

    def hit():
        try:
            return 1 if cache.add(key, 1, timeout=WINDOW_S) else cache.incr(key)
        except ValueError:  # The window ended between the two.
            return hit()

    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    expect([hit() for _ in range(LIMIT + 1)], [1, 2, 3, 4], "counts")
    expect(cache.get(key), LIMIT + 1, "count read back")
    between(1, cache.pttl(key), WINDOW_S * 1000, "pttl")
    wait.until(lambda: hit() == 1)
    expect(cache.decr(key), 0, "decr")
    expect((cache.delete(key), cache.get(key)), (True, None), "delete")


@row("django-rest-framework", "strings", "djangorestframework", "sliding log, pickled")
def throttle(server):
    cache = cache_of(server, "native")
    from rest_framework.response import Response
    from rest_framework.test import APIRequestFactory
    from rest_framework.throttling import SimpleRateThrottle
    from rest_framework.views import APIView

    class Throttle(SimpleRateThrottle):
        rate = f"{LIMIT}/s"

        def get_cache_key(self, request, view):
            return server.key()

    Throttle.cache = cache

    class View(APIView):
        authentication_classes, permission_classes, throttle_classes = (), (), (Throttle,)

        def get(self, request):
            return Response("ok")

    def answer():
        return View.as_view()(APIRequestFactory().get("/"))

    wait = Wait(0.9, 1)
    expect([answer().status_code for _ in range(LIMIT)], [200] * LIMIT, "within the limit")
    denied = answer()
    expect(denied.status_code, 429, "over the limit")
    between(0, int(denied["Retry-After"]), 1, "Retry-After")
    wait.until(lambda: answer().status_code == 200)
