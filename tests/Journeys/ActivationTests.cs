using Microsoft.Extensions.Logging.Abstractions;

namespace ControlPlane.Tests;

/// <summary>Between a tenant's activation (Accounts) and its first run (Provisioning) there is only the tenant's row.</summary>
public sealed class ActivationTests
{
    [Fact]
    public async Task A_process_killed_right_after_an_activation_loses_no_environment()
    {
        // No scheduler and no listener: the announcement is lost, as in a process that dies after the commit.
        await using var rig = await ProvisioningRig.StartAsync();
        var created = Assert.IsType<CreateTenantResult.Created>(await rig.Get<CreateTenant>().RunAsync(
            new CreateTenantRequest { Tenant = new NewTenant { Email = "ada@example.org", Organization = "Ada", Slug = Names.Random("r"), Country = "DE" }, Plan = "basic" }, "operator", default));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.environment"));

        await rig.ProvisionAsync();

        Assert.Equal("ready", (await rig.StatusAsync(new RigTenant(created.Tenant, created.Slug))).State);
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run"));
    }

    [Fact]
    public async Task An_activation_announces_the_job_that_provisions()
    {
        await using var server = await TestServer.StartAsync();
        var person = Person.New();
        await person.SendAsync(server);
        var link = (await person.MailsAsync(server)).Single().Link("/v1/verify");

        var announced = new TaskCompletionSource<Announcement>(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Database.Announced += work => announced.TrySetResult(work);
        var tenant = (await Person.VerifyAsync(server, link)).GetProperty("tenant_id").GetGuid();

        Assert.Equal(new Announcement("provision", tenant), await announced.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task Concurrent_jobs_request_each_missing_environment_once()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        RigTenant[] tenants = [await rig.TenantAsync(), await rig.TenantAsync(), await rig.TenantAsync()];

        var requested = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => RequestMissingAsync(rig)));

        Assert.Equal(tenants.Length, requested.Sum());
        Assert.Equal(tenants.Length, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run where kind = 'provision' and state = 'queued'"));
        Assert.Equal(8 * tenants.Length, await rig.ScalarAsync<long>("select count(*) from control.provisioning_step"));
    }

    [Fact]
    public async Task A_job_that_is_late_does_not_request_an_environment_again()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.ProvisionAsync();
        await using (var late = await rig.Database.BeginJobAsync(default))
        {
            Assert.False(await late.CreateMissingEnvironmentAsync(rig.Get<Clock>(), rig.Get<ControlPlaneOptions>(), tenant.Id, tenant.Slug, default));
            await late.CommitAsync(default);
        }

        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.provisioning_run"));
    }

    [Theory]
    [InlineData("pending")]
    [InlineData("suspended")]
    [InlineData("deleted")]
    public async Task A_tenant_that_is_not_active_gets_no_environment(string status)
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync(status: status);
        await rig.ProvisionAsync();
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.environment"));
        await using var transaction = await rig.Database.BeginAsync(tenant.Id, default);
        Assert.Null(await EnvironmentStatus.ReadAsync(transaction, rig.Get<ControlPlaneOptions>(), tenant.Id, default));
    }

    [Fact]
    public async Task A_missing_environment_is_shown_as_requested_with_its_address_and_steps()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();

        var missing = await rig.StatusAsync(tenant);
        var listed = await rig.Get<TenantOverviews>().FindAsync(tenant.Id, default);
        var refused = Assert.IsType<EnvironmentResult.Conflict>(await rig.Get<RestartEnvironment>().RunAsync(tenant.Id, "test", default));
        var notFailed = Assert.IsType<EnvironmentResult.Conflict>(await rig.Get<OperateEnvironment>().RetryAsync(tenant.Id, "operator", default));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.environment"));
        await RequestMissingAsync(rig);
        var requested = await rig.StatusAsync(tenant);

        Assert.Equal(requested with { Steps = [], UpdatedAt = default }, missing with { Steps = [], UpdatedAt = default });
        Assert.Equal(requested.Steps, missing.Steps);
        Assert.Equal(new EnvironmentOverview("requested", null, requested.Address), listed!.Environment);
        Assert.Equal("The environment is requested; it can be restarted when it is ready.", refused.Reason);
        Assert.Equal("The environment is requested; only a failed one can be retried.", notFailed.Reason);
    }

    [Fact]
    public async Task A_tenant_whose_environment_cannot_be_requested_does_not_keep_others_from_theirs()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (busy, free) = (await rig.TenantAsync(), await rig.TenantAsync());
        await using (var other = await rig.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("select from control.tenant where id = $1 for update", default, busy.Id);
            var report = await rig.ProvisionAsync();
            Assert.Contains(busy.Id.ToString(), Assert.Single(report.Failures), StringComparison.Ordinal);
            Assert.Equal("ready", (await rig.StatusAsync(free)).State);
        }

        Assert.Empty((await rig.ProvisionAsync()).Failures);
        Assert.Equal("ready", (await rig.StatusAsync(busy)).State);
    }

    static Task<int> RequestMissingAsync(ProvisioningRig rig) =>
        rig.Get<MissingEnvironments>().RequestAsync(new JobParts(JobSchedules.Provision, NullLogger.Instance), [], default);

    [Fact]
    public async Task A_tenant_can_be_suspended_and_deleted_before_its_environment_is_requested()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (suspended, deleted) = (await rig.TenantAsync(), await rig.TenantAsync());
        var operate = rig.Get<OperateEnvironment>();

        Assert.Equal(new EnvironmentResult.Accepted(EnvironmentState.Updating), await operate.SuspendAsync(suspended.Id, "operator", default));
        Assert.IsType<EnvironmentResult.Conflict>(await operate.SuspendAsync(suspended.Id, "operator", default));
        Assert.Equal(new EnvironmentResult.Accepted(EnvironmentState.Deleting), await operate.DeleteAsync(deleted.Id, withoutBackup: false, "operator", default));
        await rig.ProvisionAsync();

        Assert.Equal("suspended", (await rig.StatusAsync(suspended)).State);
        Assert.Equal("deleted", (await rig.StatusAsync(deleted)).State);
    }
}
