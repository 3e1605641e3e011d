using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// CloudFront and API Gateway in one: converts HTTP requests to events for the function that infra routes them to, and responses back to HTTP. It
/// uses HTTP instead of HTTPS, so it removes <c>secure</c> from cookies.
/// </summary>
sealed class ApiGateway : IAsyncDisposable
{
    /// <summary>Lambda's limit for an event, in bytes.</summary>
    const int MaxBytes = 6 * 1024 * 1024;

    readonly WebApplication _app;
    readonly LambdaProcess _api;
    readonly LambdaProcess _usage;

    ApiGateway(WebApplication app, LambdaProcess api, LambdaProcess usage) => (_app, _api, _usage) = (app, api, usage);

    public Uri Address => new(_app.Urls.Single());

    public static async Task<ApiGateway> StartAsync(LambdaProcess api, LambdaProcess usage)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var gateway = new ApiGateway(builder.Build(), api, usage);
        gateway._app.Run(gateway.ForwardAsync);
        await gateway._app.StartAsync();
        return gateway;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    async Task ForwardAsync(HttpContext context)
    {
        var request = context.Request;
        // API Gateway decodes the path, once.
        var httpEvent = new HttpEvent(request.Method, Uri.UnescapeDataString(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0]), request.QueryString.Value!.TrimStart('?'));
        foreach (var (name, values) in request.Headers.Where(header => header.Key != "Cookie"))
        {
            httpEvent.Header(name, string.Join(',', values.ToArray()));
        }

        if (request.Headers.Cookie.ToString() is { Length: > 0 } cookies)
        {
            httpEvent.Cookies(cookies.Split("; "));
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        if (body.Length > 0)
        {
            httpEvent.Body(request.ContentType ?? "", body.ToArray());
        }

        if (httpEvent.ToString() is { Length: > MaxBytes })
        {
            context.Response.StatusCode = StatusCodes.Status413RequestEntityTooLarge;
            return;
        }

        var function = GatewayRoutes.All.Contains($"{request.Method} {request.Path}") ? _usage : _api;
        await WriteAsync(new HttpEventResponse(await function.InvokeAsync(httpEvent.ToString())), context.Response);
    }

    static async Task WriteAsync(HttpEventResponse returned, HttpResponse response)
    {
        response.StatusCode = returned.Status;
        foreach (var (name, value) in returned.Headers.Where(header => header.Name != "Content-Length"))
        {
            response.Headers[name] = value;
        }

        response.Headers.SetCookie = returned.Cookies.Select(cookie => cookie.Replace("; secure", "", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (returned.Status is not (StatusCodes.Status204NoContent or StatusCodes.Status304NotModified))
        {
            await response.Body.WriteAsync(returned.Bytes);
        }
    }
}
