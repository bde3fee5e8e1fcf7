# Leenpad as an image: the API on port 8000, as a user without rights. Build: docker build -t leenpad .
# It needs LEENPAD_ADMIN_KEY (or a key in its database), and LEENPAD_DATABASE_URL; without the latter it keeps an
# embedded PostgreSQL in the volume /var/lib/leenpad, which is enough to try it out.

FROM node:22-slim AS pages
WORKDIR /pages
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund

FROM python:3.13-slim AS packages
COPY requirements.lock /tmp/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps \
      --only-binary=:all: --requirement /tmp/requirements.lock

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONPATH=/srv/leenpad \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/leenpad \
    LEENPAD_DATA_DIR=/var/lib/leenpad
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/leenpad leenpad \
 && install --directory --owner=leenpad --group=leenpad --mode=0700 /var/lib/leenpad /var/cache/leenpad
WORKDIR /srv/leenpad
COPY --from=packages /opt/venv /opt/venv
COPY --from=pages /pages/node_modules node_modules
COPY LICENSE alembic.ini ./
COPY adapters adapters
COPY migrations migrations
COPY routing routing
COPY app app
RUN python -m compileall -q adapters app migrations routing
USER leenpad
# Compiles the engine for the processor of the machine that builds; another kind is compiled for at the first start.
RUN python -c "from app.lending.warm import warm_up; warm_up()"
VOLUME /var/lib/leenpad
EXPOSE 8000
# /healthz, not /readyz: a new service without a network is well, and must not be replaced while one is imported.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "app", "serve", "--host", "0.0.0.0"]
