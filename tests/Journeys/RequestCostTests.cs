using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;

namespace ControlPlane.Tests;

/// <summary>What requests of unknown senders cost the process, measured from outside.</summary>
public sealed class RequestCostTests : IAsyncLifetime
{
    const int MiB = 1024 * 1024;

    readonly string _data = Path.Combine(Path.GetTempPath(), Names.Random("controlplane-cost"));
    ServerProcess _server = null!;

    public async Task InitializeAsync() => _server = await ServerProcess.StartAsync("--data", _data, "--sandbox");

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Thirty_sign_ins_with_an_address_of_4_MB_take_less_than_20_MB_of_memory()
    {
        var small = "email=a@example.com&password=x"u8.ToArray();
        var large = Encoding.ASCII.GetBytes($"email={new string('a', 4_000_000)}@example.com&password=x");
        await SignInAsync(large, isChunked: false);
        await SignInAsync(large, isChunked: true);
        // What any thirty requests at once take is not what large ones cost.
        await MeasureAsync(small);
        var (ofSmall, ofLarge) = (await MeasureAsync(small), await MeasureAsync(large));
        Assert.True(ofLarge - ofSmall < 20_000_000, $"{ofLarge} bytes, and {ofSmall} for small ones");

        async Task<long> MeasureAsync(byte[] form)
        {
            var before = ResetPeakMemory();
            await Task.WhenAll(Enumerable.Range(0, 30).Select(n => SignInAsync(form, isChunked: n % 2 == 0)));
            return Memory("VmHWM") - before;
        }
    }

    [Fact]
    public async Task A_body_of_15_MiB_with_a_wrong_signature_takes_less_than_a_fifth_of_a_second_of_processor_time()
    {
        const int Bodies = 5;
        var created = await (await _server.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "O", slug = Names.Random("t"), plan = "basic", email = "owner@o.example", country = "DE" })).ReadAsync();
        var tenant = created.GetProperty("tenant_id").GetString()!;
        var body = new byte[15 * MiB];
        await SendAsync();
        await SendAsync();

        using var process = Process.GetProcessById(_server.Id);
        var before = process.TotalProcessorTime;
        for (var n = 0; n < Bodies; n++)
        {
            await SendAsync();
        }

        process.Refresh();
        Assert.InRange((process.TotalProcessorTime - before) / Bodies, TimeSpan.Zero, TimeSpan.FromSeconds(0.2));

        async Task SendAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/usage") { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.Add("X-Tenant-Id", tenant);
            request.Headers.Add("webhook-id", "m");
            request.Headers.Add("webhook-timestamp", TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
            request.Headers.Add("webhook-signature", $"v1,{new string('A', 43)}=");
            using var reply = await _server.Anonymous.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, reply.StatusCode);
        }
    }

    async Task SignInAsync(byte[] form, bool isChunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/login") { Content = new ByteArrayContent(form) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        request.Headers.TransferEncodingChunked = isChunked;
        try
        {
            using var reply = await _server.Anonymous.SendAsync(request);
            Assert.Equal(form.Length > MiB ? HttpStatusCode.RequestEntityTooLarge : HttpStatusCode.BadRequest, reply.StatusCode);
        }
        catch (HttpRequestException)
        {
            // The server may close the connection before all of the body was sent.
        }
    }

    long ResetPeakMemory()
    {
        File.WriteAllText($"/proc/{_server.Id}/clear_refs", "5");
        return Memory("VmRSS");
    }

    /// <returns>Bytes.</returns>
    long Memory(string name) =>
        long.Parse(File.ReadLines($"/proc/{_server.Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024;
}
