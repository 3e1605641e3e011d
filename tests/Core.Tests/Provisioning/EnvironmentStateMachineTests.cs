using static ControlPlane.Provisioning.EnvironmentState;

namespace ControlPlane.Tests.Provisioning;

public sealed class EnvironmentStateMachineTests
{
    [Theory]
    [InlineData(RunKinds.Provision, Requested, EnvironmentState.Provisioning, Ready)]
    [InlineData(RunKinds.Delete, Deleting, null, Deleted)]
    public void A_new_environment_goes_its_way(string kind, EnvironmentState asked, EnvironmentState? working, EnvironmentState end)
    {
        Assert.Equal(asked, EnvironmentStateMachine.Next(Requested, RunKinds.RequestEventFor(kind)));
        Assert.Equal(working, EnvironmentStateMachine.Next(asked, EnvironmentEvent.Started));
        Assert.Equal(end, EnvironmentStateMachine.Next(working ?? asked, RunKinds.Outcome(kind)));
    }

    [Theory]
    [InlineData(RunKinds.Restart, Ready)]
    [InlineData(RunKinds.Provision, Ready)]
    [InlineData(RunKinds.Suspend, Suspended)]
    public void A_ready_environment_is_updated_and_comes_to_the_end_that_was_asked_for(string kind, EnvironmentState end)
    {
        var updating = EnvironmentStateMachine.Next(Ready, RunKinds.RequestEventFor(kind));
        Assert.Equal(Updating, updating);
        Assert.Equal(end, EnvironmentStateMachine.Next(updating!.Value, RunKinds.Outcome(kind)));
    }

    [Fact]
    public void What_failed_can_be_asked_for_again()
    {
        string[] kinds = [RunKinds.Provision, RunKinds.Restart, RunKinds.Suspend, RunKinds.Resume, RunKinds.Delete];
        Assert.All(kinds, kind => Assert.NotNull(EnvironmentStateMachine.Next(Failed, RunKinds.RequestEventFor(kind))));
    }

    [Fact]
    public void Nothing_moves_a_deleted_environment_and_only_its_end_or_failure_one_being_deleted()
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
    public void A_new_wish_meets_the_run_under_way(string? active, string wanted, RunConflict precedence) =>
        Assert.Equal(precedence, RunKinds.Decide(active, wanted));

    [Fact]
    public void A_deletion_undoes_in_reverse_what_provisioning_put_in_place()
    {
        var undone = ProvisioningSteps.Of(RunKinds.Delete);
        Assert.Equal(ProvisioningSteps.Of(RunKinds.Provision).Where(undone.Contains).Reverse(), undone);
        Assert.Equal(["health", "welcome"], ProvisioningSteps.Of(RunKinds.Provision).Except(undone));
    }

    [Fact]
    public void Four_waits_and_then_an_operator_is_needed()
    {
        var options = new ProvisioningOptions();
        Assert.Equal([5, 15, 60, 300], Enumerable.Range(1, 4).Select(n => options.WaitAfter(n)!.Value.TotalSeconds));
        Assert.Null(options.WaitAfter(5));
    }
}
