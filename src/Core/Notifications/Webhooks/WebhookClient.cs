using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>The result of one attempt.</summary>
/// <param name="Status">null without a response.</param>
/// <param name="Error">null when the webhook was delivered.</param>
/// <param name="Alert">For the operator: the failure is not the receiver's.</param>
public sealed record WebhookAttempt(int? Status, string? Error, string? Alert = null);

/// <summary>
/// Posts to URLs that tenants choose, which are not trusted: the connection is opened to the IP addresses that were checked, whatever the name
/// resolves to afterwards; redirects are not followed, proxies and cookies are not used, and response bodies are not read.
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
            // Names are resolved and checked again now and then.
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
                reply.IsSuccessStatusCode ? null : (int)reply.StatusCode is >= 300 and < 400 ? "redirects are not followed" : "the response status was not 2xx");
        }
        catch (HttpRequestException e)
        {
            return new WebhookAttempt(null, e.InnerException is NotPublicException refused ? refused.Message : Describe(e.HttpRequestError));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new WebhookAttempt(null, $"no response within {Timeout.TotalSeconds:0} seconds");
        }
    }

    public void Dispose() => _http.Dispose();

    static async Task<Stream> ConnectAsync(DnsEndPoint host, bool sandbox, CancellationToken ct)
    {
        // On a thread of its own: the system's resolver blocks, and names that do not resolve must not use up the thread pool.
        var addresses = await Task.Factory.StartNew(
            () => Dns.GetHostAddresses(host.Host), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).WaitAsync(ct);
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

    // Not the exception's message, which may reveal details of our network.
    static string Describe(HttpRequestError error) => error switch
    {
        // The same for both: names that resolve in our network only must not be told apart.
        HttpRequestError.NameResolutionError => NotPublicException.Text,
        HttpRequestError.SecureConnectionError => "the certificate is not valid",
        HttpRequestError.ConnectionError => "no connection",
        _ => "no valid response",
    };

    sealed class NotPublicException() : IOException(Text)
    {
        public const string Text = "the name does not resolve to an address on the public internet";
    }
}
