# fly-runbooks in a container: docker build -t fly-runbooks . && docker run --rm -e FLY_API_TOKEN -v "$PWD/outputs:/outputs" fly-runbooks run ...
FROM python:3.11-slim-bookworm

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    RUNBOOKS_OUTPUT_ROOT=/outputs

RUN useradd --create-home --uid 10001 runbooks \
    && install -d -o runbooks -g runbooks /outputs

WORKDIR /opt/fly-runbooks
COPY requirements.txt ./
RUN python -m pip install --no-deps --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY notebooks notebooks
COPY runbooks runbooks
RUN python -m pip install --no-deps .

# By number, so that an orchestrator can see that it is not root.
USER 10001
WORKDIR /outputs
VOLUME /outputs
ENTRYPOINT ["runbooks"]
CMD ["--help"]
