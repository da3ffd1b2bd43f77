# Built in a stage of its own: neither the sources nor the build backend are in the image.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/b24x
COPY constraints.txt ./
RUN pip install --no-cache-dir --constraint constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY extractor extractor
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist .
RUN /opt/b24x/bin/pip install --no-cache-dir --constraint constraints.txt dist/*.whl

FROM python:3.13-slim
COPY --from=build /opt/b24x /opt/b24x
ENV PATH="/opt/b24x/bin:$PATH"
# A new volume mounted on /data takes over its owner.
RUN useradd --uid 1000 --user-group --no-create-home b24x \
    && install --directory --owner=b24x --group=b24x /data
USER b24x
WORKDIR /data
ENTRYPOINT ["b24x"]
CMD ["--help"]
