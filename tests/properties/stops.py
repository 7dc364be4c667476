"""What staff do to charging in a random life: pull the brake, lift it, let the batches go on."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from backend.domain.batch_brake import BrakeLimits
from backend.domain.states import StopReason, StopScope
from backend.usecases.brake import lift_brake, pull_brake
from backend.usecases.run_month_batches import resume_charging, watch_batches
from tests.properties.life import Life

# A canary in a life of two or three customers. Its ratios stop nothing: one decline of one would end every month.
BEHIND_A_CANARY = BrakeLimits(canary_size=1, decline_percent=100, fault_percent=100)


class Stops(RuleBasedStateMachine):
    """Rules to be joined with those of a life."""

    life: Life

    @rule(scope=st.sampled_from(StopScope))
    def staff_pull_the_brake(self, scope: StopScope) -> None:
        services = self.life.services
        self.life.run(pull_brake(services.engine, scope=scope, by="A", note="", now=services.clock.now()))

    @rule()
    def staff_lift_the_brake(self) -> None:
        services, now = self.life.services, self.life.clock.now()
        self.life.run(lift_brake(services.engine, reason=StopReason.STAFF, by="A", note="", now=now))

    @rule()
    def staff_let_the_batches_go_on(self) -> None:
        self.life.run(resume_charging(self.life.services, by="A", note="", now=self.life.clock.now()))

    @rule()
    def the_worker_looks_at_the_batches(self) -> None:
        self.life.run(watch_batches(self.life.services, now=self.life.clock.now()))
