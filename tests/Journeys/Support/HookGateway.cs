using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>The budget part of a tenant's gateway: the real hook in the machine's Python, with gateway.py in place of LiteLLM.</summary>
sealed class HookGateway : IAsyncDisposable
{
    static readonly string Tests = Path.Combine(AppContext.BaseDirectory, "litellm", "tests");

    readonly Process _process;

    HookGateway(Process process) => _process = process;

    /// <param name="spool">The spool folder, which remains after a restart.</param>
    public static HookGateway Start(Uri controlPlane, string key, string spool)
    {
        var start = new ProcessStartInfo("python3", [Path.Combine(Tests, "gateway.py")]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["CONTROLPLANE_URL"] = controlPlane.ToString();
        start.Environment["CONTROLPLANE_KEY"] = key;
        start.Environment["BUDGET_SPOOL_DIR"] = spool;
        return new HookGateway(Launch(start));
    }

    /// <summary>Runs the Python tests of the hook.</summary>
    public static async Task<(int ExitCode, string Errors)> RunTestsAsync()
    {
        using var process = Launch(new ProcessStartInfo("python3", ["-m", "unittest", "discover", "-s", Tests]) { RedirectStandardError = true });
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, errors);
    }

    /// <returns>{call, allowed: true}, or {allowed: false, status, message} as shown to a chat user.</returns>
    public Task<JsonElement> AuthorizeAsync(int maxTokens, string model = "mistral:7b-instruct") =>
        SendAsync(new { @do = "ask", data = new { model, max_tokens = maxTokens } });

    /// <param name="callType">LiteLLM's name of the call.</param>
    /// <param name="data">Fields of the request that replace those of a chat.</param>
    public Task<JsonElement> AskAsync(string callType, object data) => SendAsync(new { @do = "ask", call_type = callType, data });

    /// <summary>The model answered.</summary>
    /// <param name="id">Id of the completion.</param>
    public Task SucceedAsync(JsonElement authorized, string id, int promptTokens, int completionTokens) => SendAsync(new
    {
        @do = "succeed",
        call = authorized.GetProperty("call").GetInt32(),
        payload = new { id, prompt_tokens = promptTokens, completion_tokens = completionTokens, endTime = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 },
    });

    /// <summary>The model did not answer, and LiteLLM will not retry.</summary>
    public Task FailAsync(JsonElement authorized) => SendAsync(new { @do = "fail", call = authorized.GetProperty("call").GetInt32() });

    /// <summary>Number of events in the spool.</summary>
    public async Task<int> CountSpooledAsync() => (await SendAsync(new { @do = "waiting" })).GetProperty("waiting").GetInt32();

    /// <summary>Sends SIGKILL, so there is no cleanup.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    static Process Launch(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException("These tests need python3 on the PATH (Debian, Ubuntu: apt install python3); exclude them with Category!=Python.", e);
        }
    }

    async Task<JsonElement> SendAsync(object command)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(command));
        await _process.StandardInput.FlushAsync();
        var answer = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The gateway exited; see its standard error.");
        return JsonDocument.Parse(answer).RootElement;
    }
}
