using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>What became of one attempt.</summary>
/// <param name="Status">null when no answer came.</param>
/// <param name="Error">null when it was delivered.</param>
public sealed record WebhookAttempt(int? Status, string? Error);

/// <summary>
/// Posts to addresses that tenants choose, and so trusts none of them: the connection goes to an address that was just checked, whatever the name
/// resolves to a moment later; redirects are not followed, proxies and cookies not used, and the answer's body is not read.
/// </summary>
public sealed class WebhookClient : IDisposable
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    readonly HttpClient _http;

    public WebhookClient(ControlPlaneOptions options)
    {
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            // A name is judged anew now and then.
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            ConnectCallback = async (context, ct) => await ConnectAsync(context.DnsEndPoint, options.Sandbox, ct),
        })
        { Timeout = Timeout };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("CFS-LLM-Platform", "1"));
    }

    public async Task<WebhookAttempt> PostAsync(Uri url, string id, string timestamp, string signature, byte[] body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", signature);
        try
        {
            using var reply = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return new WebhookAttempt(
                (int)reply.StatusCode,
                reply.IsSuccessStatusCode ? null : (int)reply.StatusCode is >= 300 and < 400 ? "redirects are not followed" : "the answer was not 2xx");
        }
        catch (HttpRequestException e)
        {
            return new WebhookAttempt(null, e.InnerException is NotPublicException refused ? refused.Message : WordsOf(e.HttpRequestError));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new WebhookAttempt(null, $"no answer within {Timeout.TotalSeconds:0} seconds");
        }
    }

    public void Dispose() => _http.Dispose();

    static async Task<Stream> ConnectAsync(DnsEndPoint host, bool sandbox, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(host.Host, ct);
        if (!sandbox && !addresses.All(PublicAddresses.IsPublic))
        {
            throw new NotPublicException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, host.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Not the exception's own words: they may tell of our network.
    static string WordsOf(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "the name does not resolve",
        HttpRequestError.SecureConnectionError => "the certificate is not valid",
        HttpRequestError.ConnectionError => "no connection",
        _ => "no valid answer",
    };

    sealed class NotPublicException() : IOException("the address is not on the public internet");
}
