using System.Diagnostics;
using ControlPlane.Tests.Support.Payments;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>The collector killed between every two calls to the provider, and continued after the provider has forgotten its keys.</summary>
public sealed class PaymentCrashes
{
    static readonly TimeSpan Forgotten = TimeSpan.FromHours(25);

    /// <param name="call">After the effect of which the process is killed: 1 creates the payment, 2 confirms it.</param>
    /// <param name="kills">How often: each time in the call with this number.</param>
    [Theory]
    [InlineData("visa", 1, 1)]
    [InlineData("visa", 2, 1)]
    [InlineData("visa", 1, 3)]
    [InlineData("sepa", 2, 1)]
    [InlineData("insufficient_funds", 2, 1)]
    public async Task A_collector_that_is_killed_never_charges_twice(string kind, int call, int kills)
    {
        var database = await TestCluster.NewDatabaseAsync();
        try
        {
            await using var rig = await PaymentRig.StartAsync(kind, database);
            await rig.MoveAsync(PaymentRig.End);
            // From here on, only processes that are killed collect.
            await rig.StopServerAsync();
            var now = PaymentRig.Charge;
            for (var kill = 0; kill < kills; kill++)
            {
                await SetClockAsync(database, rig, now);
                var stop = rig.Stripe.BreakAt(call);
                using var process = StartJob(rig, database);
                var first = await Task.WhenAny(stop.Reached, process.WaitForExitAsync());
                Assert.True(first == stop.Reached, $"The process ended: {await process.StandardError.ReadToEndAsync()}");
                process.Kill();
                await process.WaitForExitAsync();
                stop.Release();
                now += Forgotten;
            }

            await SetClockAsync(database, rig, now);
            Assert.Equal(0, await RunJobAsync(rig, database));

            var (state, open, claims) = await ReadAsync(database);
            Assert.Equal((kind == "visa" ? [PaymentRig.Price] : Array.Empty<decimal>()), rig.State.Taken);
            Assert.Equal((kind switch { "visa" => "succeeded", "sepa" => "pending", _ => "failed" }, kind == "visa" ? 0m : PaymentRig.Price, 0L), (state, open, claims));
            // What was created and not stored is not used.
            Assert.Equal(call == 1 ? kills + 1 : 1, rig.State.Intents.Count);
            Assert.Equal(1, rig.State.Tries);
        }
        finally
        {
            await TestCluster.DropAsync(database);
        }
    }

    static async Task<int> RunJobAsync(PaymentRig rig, string database)
    {
        using var process = StartJob(rig, database);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    static Process StartJob(PaymentRig rig, string database)
    {
        string[] arguments = ["job", JobSchedules.Payments.Name, "--sandbox", "--data", Directory.CreateTempSubdirectory("controlplane-test-").FullName, "--database", database];
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "controlplane.dll"), .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in rig.Stripe.Settings)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    // The claims of killed processes end in real time.
    static async Task SetClockAsync(string database, PaymentRig rig, DateTimeOffset now)
    {
        rig.State.Advance(now - rig.State.Now);
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await connection.ExecuteAsync("update control.sandbox_clock set now = $1", default, now);
        await connection.ExecuteAsync("update control.payment set claimed_until = now() - interval '1 second' where claimed_until is not null", default);
    }

    static async Task<(string State, decimal Open, long Claims)> ReadAsync(string database)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        return await connection.FirstAsync(
            """
            select p.state, i.total_amount - coalesce((select sum(amount) from control.settlement s where s.invoice_id = i.id), 0), (select count(*) from control.payment where claim is not null)
            from control.payment p join control.invoice i on i.id = p.invoice_id
            """,
            row => (row.GetString(0), row.GetDecimal(1), row.GetInt64(2)), default);
    }
}
