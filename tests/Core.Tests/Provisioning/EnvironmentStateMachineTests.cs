using static ControlPlane.Provisioning.EnvironmentState;

namespace ControlPlane.Tests.Provisioning;

public sealed class EnvironmentStateMachineTests
{
    [Theory]
    [InlineData(RunKinds.Provision, Requested, EnvironmentState.Provisioning, Ready)]
    [InlineData(RunKinds.Delete, Deleting, null, Deleted)]
    public void A_new_environment_reaches_the_final_state_of_its_run(string kind, EnvironmentState initial, EnvironmentState? working, EnvironmentState end)
    {
        Assert.Equal(initial, EnvironmentStateMachine.Next(Requested, RunKinds.RequestEventFor(kind)));
        Assert.Equal(working, EnvironmentStateMachine.Next(initial, EnvironmentEvent.Started));
        Assert.Equal(end, EnvironmentStateMachine.Next(working ?? initial, RunKinds.Outcome(kind)));
    }

    [Theory]
    [InlineData(RunKinds.Restart, Ready)]
    [InlineData(RunKinds.Provision, Ready)]
    [InlineData(RunKinds.Suspend, Suspended)]
    public void A_ready_environment_is_updated_and_reaches_the_requested_state(string kind, EnvironmentState end)
    {
        var updating = EnvironmentStateMachine.Next(Ready, RunKinds.RequestEventFor(kind));
        Assert.Equal(Updating, updating);
        Assert.Equal(end, EnvironmentStateMachine.Next(updating!.Value, RunKinds.Outcome(kind)));
    }

    [Fact]
    public void Every_kind_of_run_can_be_requested_for_a_failed_environment()
    {
        string[] kinds = [RunKinds.Provision, RunKinds.Restart, RunKinds.Suspend, RunKinds.Resume, RunKinds.Delete];
        Assert.All(kinds, kind => Assert.NotNull(EnvironmentStateMachine.Next(Failed, RunKinds.RequestEventFor(kind))));
    }

    [Fact]
    public void A_deleted_environment_is_final_and_a_deletion_can_only_finish_or_fail()
    {
        var events = Enum.GetValues<EnvironmentEvent>();
        Assert.All(events, e => Assert.Null(EnvironmentStateMachine.Next(Deleted, e)));
        Assert.Equal([EnvironmentEvent.Deleted, EnvironmentEvent.Failed], events.Where(e => EnvironmentStateMachine.Next(Deleting, e) is not null));
    }

    [Fact]
    public void A_late_outcome_changes_nothing()
    {
        Assert.Null(EnvironmentStateMachine.Next(Suspended, EnvironmentEvent.Provisioned));
        Assert.Null(EnvironmentStateMachine.Next(Ready, EnvironmentEvent.Failed));
        Assert.Null(EnvironmentStateMachine.Next(Ready, EnvironmentEvent.Deleted));
    }

    [Theory]
    [InlineData(null, RunKinds.Provision, RunConflict.Queue)]
    [InlineData(RunKinds.Provision, RunKinds.Provision, RunConflict.RunNow)]
    [InlineData(RunKinds.Provision, RunKinds.Restart, RunConflict.Ignore)]
    [InlineData(RunKinds.Provision, RunKinds.Delete, RunConflict.Replace)]
    [InlineData(RunKinds.Restart, RunKinds.Suspend, RunConflict.Replace)]
    [InlineData(RunKinds.Suspend, RunKinds.Resume, RunConflict.Replace)]
    [InlineData(RunKinds.Suspend, RunKinds.Provision, RunConflict.Ignore)]
    [InlineData(RunKinds.Delete, RunKinds.Resume, RunConflict.Ignore)]
    [InlineData(RunKinds.Delete, RunKinds.Delete, RunConflict.RunNow)]
    public void A_new_request_is_resolved_against_the_active_run(string? active, string requested, RunConflict resolution) =>
        Assert.Equal(resolution, RunKinds.Decide(active, requested));

    [Fact]
    public void A_deletion_undoes_provisioning_in_reverse_order()
    {
        var undone = ProvisioningSteps.Of(RunKinds.Delete).Except(["backup"]).ToList();
        Assert.Equal(ProvisioningSteps.Of(RunKinds.Provision).Where(undone.Contains).Reverse(), undone);
        Assert.Equal(["health", "welcome"], ProvisioningSteps.Of(RunKinds.Provision).Except(undone));
        Assert.Equal(["route", "backup"], ProvisioningSteps.Of(RunKinds.Delete).Take(2));
    }

    [Fact]
    public void After_four_delays_the_run_fails_for_good()
    {
        var options = new ProvisioningOptions();
        Assert.Equal([5, 15, 60, 300], Enumerable.Range(1, 4).Select(n => options.DelayAfter(n)!.Value.TotalSeconds));
        Assert.Null(options.DelayAfter(5));
    }
}
