using System.IO.Pipelines;
using System.Security.Claims;

namespace ControlPlane.Tests;

[Trait("Category", "Quick")]
public class BoundedBodyTests
{
    static readonly Guid Tenant = new("0198a000-0000-7000-8000-00000000000a");

    static readonly BodyLimit Small = new(10, TimeSpan.FromSeconds(30));

    [Fact]
    public async Task A_body_announced_as_too_large_is_refused_unread()
    {
        var source = new MemoryStream(new byte[11]);
        await using var body = new BoundedBody(Request(length: 11), source, Small, new UnverifiedBytes(1_000));

        await Assert.ThrowsAsync<BadHttpRequestException>(() => body.ReadAsync(new byte[4]).AsTask());
        Assert.Equal((413, 0L), (body.Violation, source.Position));
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_read_no_further_than_the_limit_and_a_buffer()
    {
        var source = new MemoryStream(new byte[1_000]);
        await using var body = new BoundedBody(Request(), source, Small, new UnverifiedBytes(1_000));

        Assert.Equal(4, await body.ReadAsync(new byte[4]));
        Assert.Equal(4, await body.ReadAsync(new byte[4]));
        await Assert.ThrowsAsync<BadHttpRequestException>(() => body.ReadAsync(new byte[4]).AsTask());
        await Assert.ThrowsAsync<BadHttpRequestException>(() => body.ReadAsync(new byte[4]).AsTask());
        Assert.Equal((413, 12L), (body.Violation, source.Position));
    }

    [Fact]
    public async Task A_body_that_does_not_arrive_in_time_is_a_timeout_but_a_cancelled_request_is_not()
    {
        using var aborted = new CancellationTokenSource();
        await using var late = new BoundedBody(Request(), new Pipe().Reader.AsStream(), Small with { Time = TimeSpan.FromMilliseconds(50) }, new UnverifiedBytes(1_000));
        await Assert.ThrowsAsync<BadHttpRequestException>(() => late.ReadAsync(new byte[4]).AsTask());
        Assert.Equal(408, late.Violation);

        await using var cancelled = new BoundedBody(Request(aborted: aborted.Token), new Pipe().Reader.AsStream(), Small, new UnverifiedBytes(1_000));
        var reading = cancelled.ReadAsync(new byte[4], aborted.Token).AsTask();
        await aborted.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.Null(cancelled.Violation);
    }

    [Fact]
    public async Task The_limit_of_time_is_for_the_whole_body()
    {
        var pipe = new Pipe();
        await using var body = new BoundedBody(Request(), pipe.Reader.AsStream(), new BodyLimit(1_000_000, TimeSpan.FromMilliseconds(300)), new UnverifiedBytes(1_000_000));
        using var stop = new CancellationTokenSource();
        var sending = SendSlowlyAsync(pipe.Writer, stop.Token);

        await Assert.ThrowsAsync<BadHttpRequestException>(() => body.CopyToAsync(Stream.Null));
        await stop.CancelAsync();
        await sending;
        Assert.Equal(408, body.Violation);
    }

    [Fact]
    public void A_few_senders_cannot_keep_another_out()
    {
        var budget = new SharedBytes(maximum: 1_000, alwaysFree: 50);
        Assert.All("abcd", sender => Assert.True(budget.TryAdd(sender.ToString(), 250)));
        Assert.False(budget.TryAdd("a", 1));
        Assert.True(budget.TryAdd("another", 50));
        Assert.False(budget.TryAdd("another", 1));
    }

    [Fact]
    public async Task Only_bytes_of_unauthenticated_senders_count_and_they_return_to_the_budget()
    {
        var budget = new UnverifiedBytes(80);
        await using (var body = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, budget))
        {
            await body.CopyToAsync(Stream.Null);
            await using var second = new BoundedBody(Request(), new MemoryStream(new byte[1]), Small, budget);
            await Assert.ThrowsAsync<BadHttpRequestException>(() => second.CopyToAsync(Stream.Null));
            Assert.Equal(503, second.Violation);

            var member = Request();
            member.User = new ClaimsPrincipal(new ClaimsIdentity("session"));
            await using var third = new BoundedBody(member, new MemoryStream(new byte[10]), Small, budget);
            await third.CopyToAsync(Stream.Null);
        }

        await using var afterwards = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, budget);
        await afterwards.CopyToAsync(Stream.Null);
        using var delivery = new UsageDeliveries(1_000).TryStart(Tenant, isStream: false)!;
        afterwards.SetVerified(delivery);
        await using var last = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, budget);
        await last.CopyToAsync(Stream.Null);
    }

    [Fact]
    public void One_sender_gets_a_quarter_of_the_budget_and_all_together_the_whole()
    {
        var budget = new SharedBytes(maximum: 100, alwaysFree: 0);
        Assert.False(budget.TryAdd("a", 26));
        Assert.All(["a", "b", "c", "d"], sender => Assert.True(budget.TryAdd(sender, 25)));
        Assert.False(budget.TryAdd("e", 1));
        budget.Remove("a", 1);
        Assert.True(budget.TryAdd("e", 1));
    }

    [Fact]
    public async Task Large_deliveries_take_nothing_from_the_budgets_of_authorizations_and_forms()
    {
        var budget = new UnverifiedBytes(80);
        await using var delivery = new BoundedBody(Request(), new MemoryStream(new byte[20]), BodyLimit.Usage, budget);
        await delivery.CopyToAsync(Stream.Null);
        // One network has one share, whatever tenants its deliveries name.
        await using var more = new BoundedBody(Request(), new MemoryStream(new byte[1]), BodyLimit.Usage, budget);
        await Assert.ThrowsAsync<BadHttpRequestException>(() => more.CopyToAsync(Stream.Null));
        Assert.Equal(503, more.Violation);

        foreach (var limit in (BodyLimit[])[BodyLimit.Authorize, BodyLimit.Form])
        {
            var body = new BoundedBody(Request(), new MemoryStream(new byte[10]), limit, budget);
            await body.CopyToAsync(Stream.Null);
        }
    }

    [Fact]
    public async Task A_stream_of_an_authenticated_sender_has_no_limit()
    {
        await using var body = new BoundedBody(Request(length: 1_000), new MemoryStream(new byte[1_000]), Small, new UnverifiedBytes(1));
        using var delivery = new UsageDeliveries(400_000).TryStart(Tenant, isStream: true)!;
        body.SetStream(delivery);
        using var copy = new MemoryStream();
        await body.CopyToAsync(copy);
        Assert.Equal(1_000, copy.Length);
    }

    [Fact]
    public async Task A_stream_that_began_fast_and_then_trickles_is_a_timeout()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await using var body = new BoundedBody(Request(), pipe.Reader.AsStream(), Small with { Time = TimeSpan.FromMilliseconds(300) }, new UnverifiedBytes(1));
        using var delivery = new UsageDeliveries(100_000_000).TryStart(Tenant, isStream: true)!;
        body.SetStream(delivery);
        await pipe.Writer.WriteAsync(new byte[10_000_000]);
        using var stop = new CancellationTokenSource();
        var sending = SendSlowlyAsync(pipe.Writer, stop.Token);

        await Assert.ThrowsAsync<BadHttpRequestException>(() => body.CopyToAsync(Stream.Null));
        await stop.CancelAsync();
        await sending;
        Assert.Equal(408, body.TakeViolation());
        Assert.Null(body.Violation);
    }

    [Fact]
    public async Task The_time_in_which_a_stream_is_not_read_does_not_count()
    {
        await using var body = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small with { Time = TimeSpan.FromMilliseconds(200) }, new UnverifiedBytes(1));
        using var delivery = new UsageDeliveries(1_000).TryStart(Tenant, isStream: true)!;
        body.SetStream(delivery);
        for (var n = 0; n < 10; n++)
        {
            Assert.Equal(1, await body.ReadAsync(new byte[1]));
            await Task.Delay(100);
        }

        Assert.Null(body.Violation);
    }

    [Fact]
    public async Task A_verified_body_counts_towards_the_share_of_its_tenant_until_its_delivery_ends()
    {
        var deliveries = new UsageDeliveries(40);
        var delivery = deliveries.TryStart(Tenant, isStream: false)!;
        await using var body = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, new UnverifiedBytes(80));
        await body.CopyToAsync(Stream.Null);
        body.SetVerified(delivery);

        using var another = deliveries.TryStart(Tenant, isStream: false)!;
        await using var second = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, new UnverifiedBytes(80));
        second.SetVerified(another);
        await Assert.ThrowsAsync<BadHttpRequestException>(() => second.CopyToAsync(Stream.Null));
        Assert.Equal(429, second.Violation);

        // A signed body is known to be the tenant's after it was read.
        await using var signed = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, new UnverifiedBytes(80));
        await signed.CopyToAsync(Stream.Null);
        Assert.Throws<BadHttpRequestException>(() => signed.SetVerified(another));

        delivery.Dispose();
        await using var third = new BoundedBody(Request(), new MemoryStream(new byte[10]), Small, new UnverifiedBytes(80));
        third.SetVerified(another);
        await third.CopyToAsync(Stream.Null);
    }

    static DefaultHttpContext Request(long? length = null, CancellationToken aborted = default) => new() { Request = { ContentLength = length }, RequestAborted = aborted };

    static async Task SendSlowlyAsync(PipeWriter writer, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await writer.WriteAsync(new byte[1], CancellationToken.None);
            await Task.Delay(20, CancellationToken.None);
        }
    }
}
