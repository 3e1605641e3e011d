using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Tests;

/// <summary>Who signed up and is not known yet uses less of the Ollama that all share.</summary>
public sealed class SharedOllamaJourneys
{
    static readonly JsonSerializerOptions WithoutNulls = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Unapproved_tenants_share_places_with_one_call_each_and_approved_ones_find_another()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        TestTenant[] strangers = [await StrangerAsync(server), await StrangerAsync(server), await StrangerAsync(server, "premium")];
        var approved = await server.CreateReadyTenantAsync();
        Assert.True((await approved.AuthorizeAsync(10)).Allow);
        var first = await strangers[0].AuthorizeAsync(10);
        Assert.True(first.Allow);
        Assert.Equal(("local_busy", Now.AddSeconds(10)), (await strangers[0].AuthorizeAsync(10)).Denial);
        Assert.True((await strangers[1].AuthorizeAsync(10)).Allow);

        // The places are taken.
        Assert.Equal(("local_busy", Now.AddSeconds(10)), (await strangers[2].AuthorizeAsync(10, request: "r1")).Denial);
        Assert.True((await approved.AuthorizeAsync(10)).Allow);
        Assert.Equal(("allowed", null), (await strangers[2].AuthorizeAsync(10, model: "gpt-4-turbo")).Denial);
        // A reason that waiting does not change comes first.
        Assert.Equal(("daily_limit", null), (await strangers[0].AuthorizeAsync(50_001)).Denial);

        await server.ReportAsync(strangers[0], Deliveries.Event("e1", Now, 1, 1, reservation_id: first.Reservation));
        Assert.True((await strangers[2].AuthorizeAsync(10, request: "r1")).Allow);
        Assert.Equal("local_busy", (await strangers[0].AuthorizeAsync(10)).Reason);
        // A gateway that died reports nothing.
        await server.MoveClockAsync(Now.AddMinutes(10));
        Assert.True((await strangers[0].AuthorizeAsync(10)).Allow);

        (await server.Operator.PostAsync($"/v1/admin/tenants/{strangers[2].Id}/approve", content: null)).EnsureSuccessStatusCode();
        Assert.True((await strangers[2].AuthorizeAsync(10)).Allow);
        Assert.True((await strangers[2].AuthorizeAsync(10)).Allow);
    }

    [Fact]
    public async Task Requests_of_one_batch_take_no_more_places_and_a_dedicated_Ollama_has_its_own()
    {
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_LIMIT_LOCAL_CALLS", "3")]);
        List<TestTenant> strangers = [];
        for (var n = 0; n < 5; n++)
        {
            strangers.Add(await StrangerAsync(server));
        }

        Assert.Equal(3, (await AuthorizeTogetherAsync(server, strangers, shared_places: 3)).Count(isAllowed => isAllowed));
        // The former release passes no such number.
        Assert.Equal(5, (await AuthorizeTogetherAsync(server, strangers, shared_places: null)).Count(isAllowed => isAllowed));

        foreach (var stranger in strangers)
        {
            Assert.Equal(stranger == strangers[3] || stranger == strangers[4] ? "local_busy" : null, (await stranger.AuthorizeAsync(10)).Reason);
        }

        var dedicated = await StrangerAsync(server, "enterprise");
        Assert.True((await dedicated.AuthorizeAsync(10)).Allow);
        Assert.True((await dedicated.AuthorizeAsync(10)).Allow);
    }

    [Fact]
    public async Task An_approval_or_a_payment_starts_the_environment_once_more_with_what_approved_tenants_have()
    {
        var started = new ConcurrentQueue<(string Slug, bool IsApproved)>();
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: new FakeDataPlane
        {
            Start = (environment, _) =>
            {
                started.Enqueue((environment.Slug, environment.IsApproved));
                return Task.CompletedTask;
            },
        });
        var (stranger, approved, known) = (await rig.SignedUpAsync("basic"), await rig.SignedUpAsync("basic"), await rig.TenantAsync());
        await rig.ProvisionAsync();
        await rig.ProvisionAsync();
        Assert.Equal([(stranger.Slug, false), (approved.Slug, false), (known.Slug, true)], started.OrderBy(start => start.Slug == known.Slug).ThenBy(start => start.Slug == approved.Slug));

        Assert.IsType<ApproveTenantResult.Approved>(await rig.Get<ApproveTenant>().RunAsync(approved.Id, "operator:test", default));
        started.Clear();
        await rig.ProvisionAsync();
        await rig.ProvisionAsync();

        Assert.Equal([(approved.Slug, true)], started);
    }

    /// <summary>A tenant that signed up by itself and whose environment is ready.</summary>
    static async Task<TestTenant> StrangerAsync(TestServer server, string plan = "basic")
    {
        var tenant = await server.CreateReadyTenantAsync(plan);
        await server.SqlAsync("update control.tenant set approved_at = null where id = $1", tenant.Id);
        return tenant;
    }

    /// <summary>Whether each is allowed a call to a local model, in one batch that leaves nothing behind.</summary>
    static async Task<IReadOnlyList<bool>> AuthorizeTogetherAsync(TestServer server, List<TestTenant> tenants, int? shared_places)
    {
        var batch = JsonSerializer.Serialize(
            tenants.Select(tenant => new
            {
                key = Convert.ToHexString(Credentials.Hash(tenant.ApiKey)),
                reservation = Ids.New(server.Clock),
                request_id = "r",
                user = "u1",
                model = "mistral:7b-instruct",
                estimated_tokens = 1,
                shared_places,
            }),
            WithoutNulls);
        await using var transaction = await server.Database.BeginJobAsync(default);
        return await transaction.QueryAsync(
            "select (answer ->> 'allow')::boolean from control.authorize($1::jsonb, $2, interval '10 minutes')", row => row.GetBoolean(0), default, batch, Now);
    }
}
