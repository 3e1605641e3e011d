using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace ControlPlane.Tests.Lambda;

/// <summary>A function as Lambda runs it: a process of the published program that polls for events.</summary>
sealed class LambdaProcess : IAsyncDisposable
{
    readonly Process _process;
    readonly RuntimeApi _api;
    readonly ConcurrentQueue<string> _log = new();

    LambdaProcess(Process process, RuntimeApi api)
    {
        (_process, _api) = (process, api);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Keep(string? line)
        {
            if (line is not null)
            {
                _log.Enqueue(line);
            }
        }
    }

    public string Log => string.Join('\n', _log);

    /// <param name="folder">Of the published program.</param>
    /// <param name="settings">Environment variables.</param>
    public static async Task<LambdaProcess> StartAsync(string folder, string function, IEnumerable<KeyValuePair<string, string?>> settings)
    {
        var api = await RuntimeApi.StartAsync();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(folder, "ControlPlane.Lambda.dll")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        start.Environment["CONTROLPLANE_FUNCTION"] = function;
        start.Environment["AWS_LAMBDA_RUNTIME_API"] = api.Address;
        start.Environment["AWS_LAMBDA_FUNCTION_NAME"] = $"controlplane-{function}";
        start.Environment["AWS_LAMBDA_FUNCTION_VERSION"] = "1";
        start.Environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "1024";
        start.Environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON";
        start.Environment["AWS_REGION"] = "eu-central-1";
        return new LambdaProcess(Process.Start(start)!, api);
    }

    /// <param name="timeout">Of the invocation.</param>
    public async Task<JsonElement> InvokeAsync(string input, TimeSpan? timeout = null)
    {
        try
        {
            return JsonDocument.Parse(await _api.InvokeAsync(input, timeout ?? TimeSpan.FromSeconds(29))).RootElement;
        }
        catch (TimeoutException)
        {
            throw new InvalidOperationException($"No response. Log: {Log}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        await _api.DisposeAsync();
    }
}
