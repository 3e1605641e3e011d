using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// Lambda's runtime API: returns one event at a time, with a deadline, and receives responses and errors
/// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
/// </summary>
sealed class RuntimeApi : IAsyncDisposable
{
    static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(60);

    readonly Channel<Invoked> _waiting = Channel.CreateUnbounded<Invoked>();
    readonly ConcurrentDictionary<string, Invoked> _running = [];
    readonly TaskCompletionSource<string> _initFailed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly WebApplication _app;

    RuntimeApi(WebApplication app) => _app = app;

    /// <summary>Value of the variable AWS_LAMBDA_RUNTIME_API.</summary>
    public string Address => new Uri(_app.Urls.Single()).Authority;

    public static async Task<RuntimeApi> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var api = new RuntimeApi(builder.Build());
        api._app.Run(api.HandleAsync);
        await api._app.StartAsync();
        return api;
    }

    /// <returns>The function's response.</returns>
    /// <exception cref="FunctionErrorException">The function failed or cannot start.</exception>
    public async Task<string> InvokeAsync(string input, TimeSpan timeout)
    {
        var invoked = new Invoked(Ids.New(TimeProvider.System).ToString(), input, timeout, new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously));
        await _waiting.Writer.WriteAsync(invoked);
        return await await Task.WhenAny(invoked.Response.Task, _initFailed.Task).WaitAsync(RequestTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _app.DisposeAsync();
    }

    async Task HandleAsync(HttpContext context)
    {
        switch (context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            case ["2018-06-01", "runtime", "invocation", "next"]:
                await NextAsync(context);
                break;
            case ["2018-06-01", "runtime", "invocation", var id, "response"]:
                _running[id].Response.TrySetResult(await BodyAsync(context));
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case ["2018-06-01", "runtime", "invocation", var id, "error"]:
                _running[id].Response.TrySetException(new FunctionErrorException(await BodyAsync(context)));
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case ["2018-06-01", "runtime", "restore", "next"]:
                break;
            case ["2018-06-01", "runtime", "init" or "restore", "error"]:
                _initFailed.TrySetException(new FunctionErrorException(await BodyAsync(context)));
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    async Task NextAsync(HttpContext context)
    {
        var next = await _waiting.Reader.ReadAsync(context.RequestAborted);
        _running[next.Id] = next;
        var deadline = TimeProvider.System.GetUtcNow() + next.Timeout;
        context.Response.Headers["Lambda-Runtime-Aws-Request-Id"] = next.Id;
        context.Response.Headers["Lambda-Runtime-Deadline-Ms"] = deadline.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["Lambda-Runtime-Invoked-Function-Arn"] = "arn:aws:lambda:eu-central-1:111122223333:function:controlplane:live";
        context.Response.Headers["Lambda-Runtime-Trace-Id"] = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1";
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(next.Input, Encoding.UTF8);
    }

    static async Task<string> BodyAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        return await reader.ReadToEndAsync();
    }

    sealed record Invoked(string Id, string Input, TimeSpan Timeout, TaskCompletionSource<string> Response);
}

/// <param name="report">The function's error report to Lambda, as JSON.</param>
sealed class FunctionErrorException(string report) : Exception(report);
