# The images. The target `warehouse` makes all but Airflow's: the build argument EXTRAS adds packages, for example
# --build-arg EXTRAS="postgres s3". compose.yaml has an image for each profile. docs/containers.md explains them.
ARG BASE=docker.io/library/debian:trixie-slim

FROM ${BASE} AS python
ARG DEBIAN_FRONTEND=noninteractive
# No versions: Debian keeps only the newest of each, with its security fixes. LightGBM needs libgomp1.
# hadolint ignore=DL3008
RUN apt-get update -qq && \
    apt-get install -qq -y --no-install-recommends ca-certificates libgomp1 make python3 > /dev/null && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log && \
    useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin pitwall && \
    install -d -o pitwall -g pitwall /data
WORKDIR /pitwall

# The packages of requirements/core.txt, checked by their hashes, with their bytecode.
FROM python AS venv
ARG DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008,DL3009
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv > /dev/null
COPY deploy/install.sh deploy/
COPY requirements/core.txt requirements/pip.txt requirements/
COPY scripts/install_requirements.py scripts/
COPY scripts/pitwall/__init__.py scripts/pitwall/command.py scripts/pitwall/
RUN python3 -m venv .venv
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    sh deploy/install.sh .venv/bin/python scripts/install_requirements.py core

# Airflow is in an environment of its own.
FROM venv AS airflow-venv
RUN python3 -m venv .venv-airflow
COPY requirements/airflow.txt requirements/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    sh deploy/install.sh .venv-airflow/bin/python scripts/install_requirements.py airflow

# The project, with the dbt package that it needs. Compiled, because the running container writes no bytecode.
FROM venv AS project
COPY . /project
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    sh deploy/install.sh .venv/bin/python /project/scripts/setup_packages.py && \
    .venv/bin/python -m compileall -q -s /project -p /pitwall /project/scripts /project/dashboard /project/dags

FROM python AS warehouse
COPY --from=venv /pitwall /pitwall
COPY requirements/ requirements/
ARG EXTRAS=""
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    for extra in ${EXTRAS}; do \
        sh deploy/install.sh .venv/bin/python scripts/install_requirements.py "${extra}" || exit 1; \
    done
COPY --from=project /project /pitwall
# The site takes what runs in the browser from npm. A container fetches nothing.
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    case " ${EXTRAS} " in \
        *" site "*) sh deploy/install.sh .venv/bin/python scripts/make_site.py --install ;; \
    esac
# PITWALL_DBT_UTILS names the dbt package that is there, so that no run asks the package hub. A server listens on all
# addresses of its container; compose.yaml publishes its port on the loopback address of the host.
ENV PATH=/pitwall/.venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    PITWALL_ADDRESS=0.0.0.0 \
    PITWALL_DATA=/data \
    PITWALL_DBT_UTILS=/pitwall/dbt_packages/dbt_utils
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
CMD ["make", "build"]

# Built with EXTRAS="ml release": the DAG predicts and releases.
FROM warehouse AS airflow
USER 0:0
ARG DEBIAN_FRONTEND=noninteractive
# `ps` finds the processes of Airflow to end.
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends procps > /dev/null && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
COPY --from=airflow-venv /pitwall/.venv-airflow /pitwall/.venv-airflow
USER 10001:10001
CMD ["python", "scripts/run_airflow.py"]
