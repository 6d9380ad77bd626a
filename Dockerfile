# FarmLokal's image. `docker compose up --build` runs it with MySQL and Redis; alone it keeps its catalogue in a volume:
#
#   docker build -t farmlokal .
#   docker run -v farmlokal:/var/lib/farmlokal farmlokal init-db
#   docker run -v farmlokal:/var/lib/farmlokal farmlokal seed --products 10000
#   docker run -v farmlokal:/var/lib/farmlokal -p 8080:8080 farmlokal

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python3 -m venv /opt/build && python3 -m venv /opt/farmlokal
COPY setup.py pyproject.toml README.md LICENSE schema.sql ./
COPY farmlokal farmlokal
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && /opt/farmlokal/bin/pip install --no-cache-dir /wheels/*.whl

# The same base: the virtual environment points to the Python at the same place in it.
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-log-init --home-dir /var/lib/farmlokal --shell /usr/sbin/nologin farmlokal \
 && install --directory --owner farmlokal --group farmlokal /var/lib/farmlokal
COPY --from=build /opt/farmlokal /opt/farmlokal
ENV PATH=/opt/farmlokal/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER farmlokal
# An embedded catalogue, where no database is configured, lies here.
WORKDIR /var/lib/farmlokal
VOLUME /var/lib/farmlokal
EXPOSE 8080
# PORT and WEB_CONCURRENCY, which hosting platforms set, are where `farmlokal serve` listens and how many workers it has.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python3", "-c", \
 "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8080), timeout=2); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["farmlokal"]
CMD ["serve", "--host", "::"]
