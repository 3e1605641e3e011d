namespace ControlPlane.Tests;

/// <summary>Environments that there is no room for wait, and tenants that keep provisioning busy do not delay the others.</summary>
[Trait("Category", "Slow")]
public sealed class EnvironmentLimitJourneys
{
    static readonly ProvisioningOptions WithoutDelays = new() { Backoff = [.. Enumerable.Repeat(TimeSpan.Zero, 4)], PollWindow = TimeSpan.Zero };

    [Fact]
    public async Task Beyond_the_largest_number_of_environments_approved_tenants_come_first_and_operators_are_told_once_a_day()
    {
        await using var rig = await ProvisioningRig.StartAsync(limits: new() { Environments = 2 });
        var (trial, later) = (await TrialAsync(rig), await TrialAsync(rig));
        var (paying, second) = (await rig.TenantAsync(), await rig.TenantAsync());

        var report = await rig.ProvisionAsync();

        Assert.Equal(["requested", "requested", "ready", "ready"], await StatesAsync(rig, trial, later, paying, second));
        Assert.Equal(2, await rig.ScalarAsync<long>("select count(*) from control.environment"));
        Assert.StartsWith("2 tenants wait for their environment. There are 2 environments of at most 2", Assert.Single(report.Alerts), StringComparison.Ordinal);
        Assert.Empty((await rig.ProvisionAsync()).Alerts);

        await rig.RequestAsync(second, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal(["ready", "requested", "ready", "deleted"], await StatesAsync(rig, trial, later, paying, second));
    }

    [Fact]
    public async Task Beyond_the_trials_of_a_day_only_unapproved_tenants_wait()
    {
        await using var rig = await ProvisioningRig.StartAsync(limits: new() { TrialsPerDay = 1 });
        var (first, second) = (await rig.SignedUpAsync("premium"), await TrialAsync(rig));
        Assert.Equal(
            "1 tenant waits for its environment. New environments of unapproved tenants in 24 hours: 1 of at most 1. To allow more, raise CONTROLPLANE_LIMIT_TRIALS. "
            + $"Approve those that you know, on their page at /admin/tenants (unapproved: {second.Slug}).",
            Assert.Single((await rig.ProvisionAsync()).Alerts));
        var paying = await rig.TenantAsync();

        await rig.ProvisionAsync();
        Assert.Equal(["ready", "requested", "ready"], await StatesAsync(rig, first, second, paying));

        await rig.ScalarAsync<int>("with moved as (update control.environment set created_at = created_at - interval '1 day' returning 1) select count(*)::int from moved");
        // As after the retention of runs: the first one is gone, and only a later one is left.
        await rig.RequestAsync(first, RunKinds.Restart);
        await rig.ScalarAsync<int>("with purged as (delete from control.provisioning_run where kind = 'provision' returning 1) select count(*)::int from purged");
        await rig.ProvisionAsync();
        Assert.Equal(["ready", "ready", "ready"], await StatesAsync(rig, first, second, paying));
    }

    [Fact]
    public async Task Who_signed_up_for_a_paid_plan_shares_with_trials_until_an_operator_approves_or_an_invoice_is_paid()
    {
        await using var rig = await ProvisioningRig.StartAsync(limits: new() { Environments = 6 });
        var first = new List<RigTenant>();
        for (var i = 0; i < 3; i++)
        {
            first.Add(await rig.SignedUpAsync("premium"));
        }

        var (approved, paid, waiting, trial) = (await rig.SignedUpAsync("basic"), await rig.SignedUpAsync("basic"), await rig.SignedUpAsync("basic"), await TrialAsync(rig));
        var report = await rig.ProvisionAsync();
        Assert.Equal(["ready", "ready", "ready", "requested", "requested", "requested", "requested"], await StatesAsync(rig, [.. first, approved, paid, waiting, trial]));
        Assert.Contains($"unapproved: {approved.Slug}, {paid.Slug}, {waiting.Slug}, {trial.Slug})", Assert.Single(report.Alerts), StringComparison.Ordinal);

        Assert.IsType<ApproveTenantResult.Approved>(await rig.Get<ApproveTenant>().RunAsync(approved.Id, "operator:test", default));
        await PayAsync(rig, paid, total: 59.38m);
        await PayAsync(rig, waiting, total: 0);
        var created = await rig.TenantAsync();
        await rig.ProvisionAsync();
        Assert.Equal(["ready", "ready", "requested", "requested", "ready"], await StatesAsync(rig, approved, paid, waiting, trial, created));
        Assert.Equal("operator:test", await rig.ScalarAsync<string>("select actor from control.audit_log where tenant_id = $1 and action = 'tenant.approved'", approved.Id));
    }

    [Fact]
    public async Task A_trial_begins_when_its_environment_is_ready_for_the_first_time_however_long_it_has_waited()
    {
        await using var rig = await ProvisioningRig.StartAsync(limits: new() { Environments = 1 });
        var paying = await rig.TenantAsync();
        await rig.ProvisionAsync();
        var trial = await TrialAsync(rig);
        await rig.ProvisionAsync();
        await rig.ScalarAsync<int>(
            "update control.subscription set started_at = started_at - interval '20 days', trial_ends_at = trial_ends_at - interval '20 days' where tenant_id = $1 returning 1", trial.Id);
        Assert.Equal(["requested"], await StatesAsync(rig, trial));

        var before = rig.Get<Clock>().GetUtcNow();
        await rig.RequestAsync(paying, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal(["ready"], await StatesAsync(rig, trial));
        var ends = await TrialEndAsync(rig, trial);
        Assert.InRange(ends, before.AddDays(14).AddMilliseconds(-1), rig.Get<Clock>().GetUtcNow().AddDays(14).AddMilliseconds(1));

        foreach (var kind in (string[])[RunKinds.Restart, RunKinds.Suspend, RunKinds.Resume])
        {
            await rig.RequestAsync(trial, kind);
            await rig.ProvisionAsync();
            Assert.Equal(ends, await TrialEndAsync(rig, trial));
        }
    }

    [Fact]
    public async Task A_paying_tenant_gets_no_trial_when_its_environment_is_ready()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await using (var transaction = await rig.Database.BeginAsync(tenant.Id, default))
        {
            var now = rig.Get<Clock>().GetUtcNow();
            await transaction.StartSubscriptionAsync(tenant.Id, (await transaction.PlanAsync("basic", now, default))!, agreed: null, now, default);
            await transaction.CommitAsync(default);
        }

        await rig.ProvisionAsync();
        Assert.Equal(["ready"], await StatesAsync(rig, tenant));
        Assert.Null(await rig.ScalarAsync<DateTime?>("select trial_ends_at from control.subscription where tenant_id = $1", tenant.Id));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(null, 2)]
    public async Task Without_a_setting_the_machines_say_how_many_environments_there_may_be(int? machines, int environments)
    {
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane { Capacity = machines });
        RigTenant[] tenants = [await rig.TenantAsync(), await rig.TenantAsync()];
        await rig.ProvisionAsync();
        Assert.Equal(environments, (await StatesAsync(rig, tenants)).Count(state => state == "ready"));
    }

    [Fact]
    public async Task Concurrent_jobs_do_not_exceed_the_largest_number()
    {
        await using var rig = await ProvisioningRig.StartAsync(limits: new() { Environments = 2 });
        for (var i = 0; i < 6; i++)
        {
            await rig.TenantAsync();
        }

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => rig.ProvisionAsync()));
        Assert.Equal(2, await rig.ScalarAsync<long>("select count(*) from control.environment"));
    }

    [Fact]
    public async Task A_suspension_or_deletion_does_not_wait_for_environments_that_take_long_to_start()
    {
        using var release = new SemaphoreSlim(0);
        await using var rig = await ProvisioningRig.StartAsync(WithoutDelays, dataPlane: new FakeDataPlane { Start = (_, ct) => release.WaitAsync(ct) });
        for (var i = 0; i < 3; i++)
        {
            await rig.TenantAsync();
        }

        var job = rig.ProvisionAsync();
        while (await rig.ScalarAsync<long>("select count(*) from control.provisioning_run where state = 'running'") < 3)
        {
            await Task.Delay(50);
        }

        var deleted = await rig.TenantAsync();
        await rig.RequestAsync(deleted, RunKinds.Delete);
        while ((await rig.StatusAsync(deleted)).State != "deleted")
        {
            Assert.False(job.IsCompleted);
            await Task.Delay(50);
        }

        release.Release(3);
        Assert.Equal(4, (await job).Counts["succeeded"]);
    }

    [Fact]
    public async Task Suspensions_and_deletions_are_claimed_first_and_then_the_run_with_the_fewest_failures()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (failing, fresh, deleted) = (await rig.TenantAsync(), await rig.TenantAsync(), await rig.TenantAsync());
        await rig.RequestAsync(failing, RunKinds.Provision);
        await rig.ScalarAsync<int>("update control.provisioning_run set attempts = 2 returning 1");
        await rig.RequestAsync(fresh, RunKinds.Provision);
        await rig.RequestAsync(deleted, RunKinds.Delete);

        async Task<Guid?> ClaimAsync(bool includeRetries = true)
        {
            await using var lease = await Lease.ClaimAsync(rig.Database, TimeSpan.FromMinutes(5), default, includeRetries);
            return lease?.Run.Tenant;
        }

        Assert.Equal([deleted.Id, fresh.Id, null, failing.Id], new[] { await ClaimAsync(), await ClaimAsync(), await ClaimAsync(includeRetries: false), await ClaimAsync() });
    }

    [Fact]
    public async Task Environments_that_hang_again_and_again_use_one_place_and_delay_no_other()
    {
        var hanging = new HashSet<Guid>();
        int started = 0;
        using var release = new SemaphoreSlim(0);
        var dataPlane = new FakeDataPlane
        {
            Start = async (environment, ct) =>
            {
                if (hanging.Contains(environment.Tenant))
                {
                    Interlocked.Increment(ref started);
                    await release.WaitAsync(ct);
                }
            },
        };
        await using var rig = await ProvisioningRig.StartAsync(WithoutDelays, dataPlane: dataPlane);
        for (var i = 0; i < 3; i++)
        {
            var tenant = await rig.TenantAsync();
            hanging.Add(tenant.Id);
            await rig.RequestAsync(tenant, RunKinds.Provision);
        }

        await rig.ScalarAsync<int>("with failed as (update control.provisioning_run set attempts = 1 returning 1) select count(*)::int from failed");
        var job = rig.ProvisionAsync();
        var other = await rig.TenantAsync();
        while ((await rig.StatusAsync(other)).State != "ready")
        {
            Assert.False(job.IsCompleted);
            await Task.Delay(50);
        }

        Assert.Equal(1, started);
        release.Release(3);
        Assert.Equal(4, (await job).Counts["succeeded"]);
    }

    static Task<Guid> PayAsync(ProvisioningRig rig, RigTenant tenant, decimal total) => rig.ScalarAsync<Guid>(
        """
        insert into control.invoice (id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens, overage_charge, net_amount,
                                     tax_rate, tax, total_amount, seller, buyer, notes, status, created_at, paid_at)
        values (gen_random_uuid(), $1::text, $1, 1, '2026-01-01', '2026-02-01', 'basic', 'EUR', $2, 0, 0, 0, $2, 0, 0, $2, '{}', '{}', '[]', 'paid', now(), now()) returning id
        """, tenant.Id, total);

    static Task<RigTenant> TrialAsync(ProvisioningRig rig) => rig.TrialAsync();

    static async Task<DateTimeOffset> TrialEndAsync(ProvisioningRig rig, RigTenant tenant) =>
        await rig.ScalarAsync<DateTimeOffset>("select trial_ends_at from control.subscription where tenant_id = $1", tenant.Id);

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
