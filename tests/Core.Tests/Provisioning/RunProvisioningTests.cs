namespace ControlPlane.Tests.Provisioning;

public class RunProvisioningTests
{
    [Fact]
    public async Task No_outcome_is_lost_when_runs_end_while_the_others_are_collected()
    {
        const int Runs = 2_000;
        var sources = Enumerable.Range(0, Runs).Select(_ => new TaskCompletionSource<RunOutcome>()).ToList();
        var active = sources.ConvertAll(source => source.Task);
        var ending = Task.Run(() => sources.ForEach(source => source.SetResult(new RunOutcome.Succeeded())));

        var collected = 0;
        while (active.Count > 0)
        {
            collected += RunProvisioning.TakeCompleted(active).Count;
        }

        await ending;
        Assert.Equal(Runs, collected);
    }
}
