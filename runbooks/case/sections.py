"""The sections that every case can show, one method each; `help(case.image)` says what a section answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence.models import Evidence
from runbooks.report import conclusions, creation, fly_support, history, overview, steps
from runbooks.report.document import Report
from runbooks.report.section import Section


class CaseSections:
    """The steps of an investigation, in the order of telling. Each returns what its cell shows, and sends nothing."""

    evidence: Evidence
    diagnosis: Diagnosis

    @property
    @abstractmethod
    def report(self) -> Report:
        """The whole report as one value."""

    @abstractmethod
    def _step(self, step: Callable[[Facts, Diagnosis], Section]) -> Section:
        """The section that this function makes of the evidence."""

    def so_far(self) -> Section:
        """The verdict so far, what to do first, and the token scope.

        Example:
            case.so_far()
        """
        return conclusions.so_far(self.evidence, self.diagnosis)

    def symptoms(self) -> Section:
        """The symptoms that are typical of this incident, each derived from evidence.

        Example:
            case.symptoms()
        """
        return self._step(steps.symptoms)

    def caller(self) -> Section:
        """What the pasted text of the caller says: the API answer, the log, and any API error.

        Example:
            case.caller()
        """
        return self._step(steps.caller)

    def app(self) -> Section:
        """The app: whether it exists, and in which organisation.

        Example:
            case.app()
        """
        return self._step(steps.app)

    def machines(self) -> Section:
        """The views that show the machine, destroyed ones included.

        Example:
            case.machines()
        """
        return self._step(steps.machines)

    def events(self) -> Section:
        """The machine's events: launch, start, exit, destroy, with exit codes.

        Example:
            case.events()
        """
        return self._step(steps.events)

    def logs(self) -> Section:
        """The log of this instance only.

        Example:
            case.logs()
        """
        return self._step(steps.logs)

    def image(self) -> Section:
        """Whether the image exists, and which image the machine ran.

        Example:
            case.image()
        """
        return self._step(steps.image)

    def token(self) -> Section:
        """What the token reads, which decides what "absent" means.

        Example:
            case.token()
        """
        return self._step(steps.token)

    def create_directly(self) -> Section:
        """The test creation that was made, or what it would do. This method creates nothing.

        Example:
            case.create_directly()
        """
        return self._step(creation.create_directly)

    def record(self) -> Section:
        """The row in your own database, compared with the machine.

        Example:
            case.record()
        """
        return self._step(steps.record)

    def endpoint(self) -> Section:
        """DNS, connection, TLS and WebSocket upgrade, each by itself.

        Example:
            case.endpoint()
        """
        return self._step(steps.endpoint)

    def timeline(self) -> Section:
        """All dated evidence in one order, as a chart and a table.

        Example:
            case.timeline()
        """
        return self._step(overview.timeline)

    def siblings(self) -> Section:
        """Other machines of the app as a control group.

        Example:
            case.siblings()
        """
        return self._step(overview.siblings)

    def since_last_time(self) -> Section:
        """What changed since earlier runs on the same machine or name.

        Example:
            case.since_last_time()
        """
        return history.since_last_time(self.report.since)

    def searched(self) -> Section:
        """Every query with its address, time, number of attempts and retention.

        Example:
            case.searched()
        """
        return self._step(overview.searched)

    def visibility(self) -> Section:
        """Every view, and whether it shows the machine.

        Example:
            case.visibility()
        """
        return conclusions.visibility(self.diagnosis)

    def hypotheses(self) -> Section:
        """Every hypothesis with what supports and contradicts it.

        Example:
            case.hypotheses()
        """
        return conclusions.hypotheses(self.diagnosis)

    def root_cause(self) -> Section:
        """What must be fixed first, its proof, and the contributing factors.

        Example:
            case.root_cause()
        """
        return conclusions.root_cause(self.diagnosis)

    def config_audit(self) -> Section:
        """Settings that should change, independent of the incident.

        Example:
            case.config_audit()
        """
        return self._step(conclusions.config_audit)

    def what_to_do(self) -> Section:
        """The actions in their order, with commands.

        Example:
            case.what_to_do()
        """
        return conclusions.what_to_do(self.diagnosis)

    def verification(self) -> Section:
        """The checks that close the incident.

        Example:
            case.verification()
        """
        return conclusions.verification(self.diagnosis)

    def prevention(self) -> Section:
        """Changes that prevent a recurrence.

        Example:
            case.prevention()
        """
        return conclusions.prevention(self.diagnosis)

    def not_checked(self) -> Section:
        """What could not be checked, and why.

        Example:
            case.not_checked()
        """
        return conclusions.not_checked(self.diagnosis)

    def for_fly_support(self) -> Section:
        """The ids, times, events and config that Fly's support needs; secrets are masked.

        Example:
            case.for_fly_support()
        """
        return self._step(self._for_fly_support)

    def _for_fly_support(self, *_: object) -> Section:
        return fly_support.section(self.report)
