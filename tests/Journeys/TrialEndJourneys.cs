using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>Trials leave places to others: a share of them while they last, and their own when they have ended.</summary>
[Trait("Category", "Slow")]
public sealed class TrialEndJourneys
{
    [Fact]
    public async Task Trials_get_their_share_of_the_environments_and_approved_tenants_the_others()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane(), limits: new() { Environments = 3 });
        var (first, second, third) = (await rig.TrialAsync(), await rig.TrialAsync(), await rig.TrialAsync());

        var report = await rig.ProvisionAsync();

        Assert.Equal(["ready", "ready", "requested"], await StatesAsync(rig, first, second, third));
        Assert.Contains("2 environments of at most 3, 2 of unapproved tenants of at most 2", Assert.Single(report.Alerts), StringComparison.Ordinal);
        var paying = await rig.TenantAsync();
        await rig.ProvisionAsync();
        Assert.Equal(["requested", "ready"], await StatesAsync(rig, third, paying));
    }

    [Fact]
    public async Task A_trial_that_has_ended_is_stopped_makes_room_for_another_and_is_deleted_after_three_emails()
    {
        var dataPlane = new FakeDataPlane();
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane, limits: new() { Environments = 2 });
        var trial = await rig.TrialAsync();
        await rig.ProvisionAsync();
        var waiting = await rig.TrialAsync();

        await EndInAsync(rig, trial, days: 2);
        await rig.ProvisionAsync();
        await EndInAsync(rig, trial, days: 0);
        await rig.ProvisionAsync();
        Assert.Equal(["ready", "requested"], await StatesAsync(rig, trial, waiting));

        await PassDaysAsync(rig, trial, 3);
        await rig.ProvisionAsync();
        Assert.Equal(["suspended", "ready"], await StatesAsync(rig, trial, waiting));
        Assert.Equal("active", await StatusAsync(rig, trial));

        await PassDaysAsync(rig, trial, 20);
        await rig.ProvisionAsync();
        await rig.ProvisionAsync();
        Assert.Equal(["suspended", "ready"], await StatesAsync(rig, trial, waiting));
        Assert.Equal(
            ["Your LLM environment is ready", "Your trial ends on …", "Your trial has ended", "Your environment will be deleted on …"],
            (await SubjectsAsync(rig, trial)).Select(subject => Regex.Replace(subject, @"\d+ \w+ \d{4}", "…")));

        await PassDaysAsync(rig, trial, 7);
        await rig.ProvisionAsync();
        Assert.Equal(["deleted", "ready"], await StatesAsync(rig, trial, waiting));
        Assert.Equal("deleted", await StatusAsync(rig, trial));
        // The emails have said so.
        Assert.Empty(dataPlane.Backups);
        Assert.Equal(
            ["trial.reminded", "trial.ended", "trial.stopped", "trial.warned", "trial.deleted"],
            (await rig.ScalarAsync<string[]>("select array_agg(action order by id) from control.audit_log where tenant_id = $1 and action like 'trial.%'", trial.Id))!);
    }

    [Theory]
    [InlineData("stopped"), InlineData("warned")]
    public async Task An_upgrade_before_the_deletion_starts_the_environment_again(string stage)
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var trial = await rig.TrialAsync();
        await rig.ProvisionAsync();
        await EndInAsync(rig, trial, days: 0);
        await rig.ProvisionAsync();
        await PassDaysAsync(rig, trial, 3);
        await rig.ProvisionAsync();
        if (stage == "warned")
        {
            await PassDaysAsync(rig, trial, 27);
            await rig.ProvisionAsync();
        }

        Assert.Equal(("suspended", stage), ((await rig.StatusAsync(trial)).State, await StageAsync(rig, trial)));

        await rig.ScalarAsync<int>("update control.subscription set plan = 'basic', trial_ends_at = null where tenant_id = $1 returning 1", trial.Id);
        await rig.ProvisionAsync();

        Assert.Equal(("ready", "running"), ((await rig.StatusAsync(trial)).State, await StageAsync(rig, trial)));
    }

    [Fact]
    public async Task What_else_starts_an_ended_trial_does_not_keep_it_running()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var trial = await rig.TrialAsync();
        await rig.ProvisionAsync();
        await EndInAsync(rig, trial, days: 0);
        await rig.ProvisionAsync();
        await PassDaysAsync(rig, trial, 3);
        await rig.ProvisionAsync();
        await rig.Get<OperateEnvironment>().SuspendAsync(trial.Id, "operator", default);
        await rig.ProvisionAsync();

        await rig.Get<OperateEnvironment>().ResumeAsync(trial.Id, "operator", default);
        await rig.ProvisionAsync();
        await rig.ProvisionAsync();

        Assert.Equal(("suspended", "stopped", "active"), ((await rig.StatusAsync(trial)).State, await StageAsync(rig, trial), await StatusAsync(rig, trial)));
    }

    [Fact]
    public async Task A_trial_without_an_owner_to_welcome_ends_as_well()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var trial = await rig.TrialAsync();
        await rig.ScalarAsync<int>("update control.member set role = 'viewer' where tenant_id = $1 returning 1", trial.Id);
        await rig.ProvisionAsync();
        await EndInAsync(rig, trial, days: 0);
        await rig.ProvisionAsync();
        Assert.Equal(("ready", "ended"), ((await rig.StatusAsync(trial)).State, await StageAsync(rig, trial)));
    }

    [Theory]
    [InlineData("provisioning"), InlineData("failed")]
    public async Task While_the_environment_was_never_ready_the_dashboard_says_that_the_trial_has_yet_to_begin(string state)
    {
        await using var server = await TestServer.StartAsync();
        var person = Person.New();
        var tenant = await person.CompleteAsync(server);
        await server.RunJobAsync("provision");
        await server.SqlAsync("update control.subscription set trial_ends_at = now() - interval '1 day' where tenant_id = $1", tenant);
        using var browser = await person.SignInAsync(server);
        Assert.Contains("Your trial has ended", await browser.GetStringAsync("/app"), StringComparison.Ordinal);

        await server.SqlAsync("update control.environment set state = $2, first_ready_at = null where tenant_id = $1", tenant, state);
        var page = await browser.GetStringAsync("/app");
        Assert.Contains("Your trial begins when your environment is ready", page, StringComparison.Ordinal);
        Assert.DoesNotContain("trial has ended", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Concurrent_jobs_begin_a_stage_once()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var trial = await rig.TrialAsync();
        await rig.ProvisionAsync();
        await EndInAsync(rig, trial, days: 0);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => rig.ProvisionAsync()));
        await PassDaysAsync(rig, trial, 3);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => rig.ProvisionAsync()));

        Assert.Equal(2, await rig.ScalarAsync<long>("select count(*) from control.audit_log where tenant_id = $1 and action like 'trial.%'", trial.Id));
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run where tenant_id = $1 and kind = 'suspend'", trial.Id));
    }

    [Fact]
    public async Task A_trial_that_its_operator_has_suspended_is_left_to_the_operator()
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane());
        var trial = await rig.TrialAsync();
        await rig.ProvisionAsync();
        await rig.Get<OperateEnvironment>().SuspendAsync(trial.Id, "operator", default);
        await EndInAsync(rig, trial, days: -100);
        await rig.ProvisionAsync();
        Assert.Equal(("suspended", "running"), ((await rig.StatusAsync(trial)).State, await StageAsync(rig, trial)));
    }

    static Task<int> EndInAsync(ProvisioningRig rig, RigTenant trial, int days) => rig.ScalarAsync<int>(
        "update control.subscription set trial_ends_at = now() + make_interval(days => $2) where tenant_id = $1 returning 1", trial.Id, days);

    // As if it had ended, and its stage had begun, so many days earlier.
    static Task<int> PassDaysAsync(ProvisioningRig rig, RigTenant trial, int days) => rig.ScalarAsync<int>(
        """
        with ended as (update control.subscription set trial_ends_at = trial_ends_at - make_interval(days => $2) where tenant_id = $1)
        update control.environment set trial_stage_at = trial_stage_at - make_interval(days => $2) where tenant_id = $1 returning 1
        """,
        trial.Id, days);

    static Task<string?> StageAsync(ProvisioningRig rig, RigTenant trial) => rig.ScalarAsync<string>("select trial_stage from control.environment where tenant_id = $1", trial.Id);

    static Task<string?> StatusAsync(ProvisioningRig rig, RigTenant trial) => rig.ScalarAsync<string>("select status from control.tenant where id = $1", trial.Id);

    static async Task<string[]> SubjectsAsync(ProvisioningRig rig, RigTenant trial) =>
        (await rig.ScalarAsync<string[]>("select array_agg(subject order by id) from control.outbox where tenant_id = $1", trial.Id))!;

    static async Task<List<string>> StatesAsync(ProvisioningRig rig, params RigTenant[] tenants)
    {
        var states = new List<string>();
        foreach (var tenant in tenants)
        {
            states.Add((await rig.StatusAsync(tenant)).State);
        }

        return states;
    }
}
