namespace ControlPlane.Tests;

/// <summary>What containers and commands print is text of strangers: it ends a run as any other text does.</summary>
public sealed class PrintedTextJourneys
{
    /// <summary>NUL, which PostgreSQL cannot store, a line break, and half of a surrogate pair, which cannot be encoded.</summary>
    const string Garbled = "first\0\nsecond \ud83d";

    const string Stored = "first\nsecond \ufffd";

    [Fact]
    public async Task A_step_that_prints_what_cannot_be_stored_is_done()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane { Printed = Garbled });
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);

        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(tenant);
        Assert.Equal(("ready", Stored), (status.State, status.Steps.Single(step => step.Name == "workloads").Detail));
    }

    [Fact]
    public async Task A_step_that_fails_with_what_cannot_be_stored_is_retried_and_ends()
    {
        var started = 0;
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane { Start = (_, _) => ++started > 0 ? throw new StepFailedException(Garbled) : Task.CompletedTask });
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);

        var report = await rig.ProvisionAsync();

        Assert.Equal(5, started);
        var status = await rig.StatusAsync(tenant);
        Assert.Equal(("failed", "workloads", Stored), (status.State, status.FailedStep, status.FailedReason));
        Assert.EndsWith(Stored, Assert.Single(report.Alerts), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_that_the_database_refuses_counts_as_an_attempt()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await using (var owner = await rig.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync(
                "create function control.refuse_for_test() returns trigger language plpgsql as $$ begin raise exception 'refused' using errcode = '22021'; end $$", default);
            await owner.ExecuteAsync(
                "create trigger refuse_for_test before update on control.provisioning_step for each row when (new.state = 'done') execute function control.refuse_for_test()", default);
        }

        await rig.ProvisionAsync();

        Assert.Equal("failed", (await rig.StatusAsync(tenant)).State);
        Assert.Equal(5, await rig.ScalarAsync<int>("select attempts from control.provisioning_run where tenant_id = $1", tenant.Id));
    }

    [Fact]
    public async Task The_record_of_a_job_quotes_it()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var job = new JobDefinition(JobSchedules.Nightly, _ => throw new InvalidOperationException(Garbled));

        Assert.IsType<JobResult.Failed>(await rig.Get<JobRunner>().RunAsync(job, DateTimeOffset.UnixEpoch, default));

        Assert.Equal(Stored, await rig.ScalarAsync<string>("select summary ->> 'error' from control.job_run"));
    }
}
