using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>A tenant's gateway as far as budgets go: the real hook in the machine's Python, with LiteLLM's part played by gateway.py.</summary>
sealed class HookGateway : IAsyncDisposable
{
    static readonly string Tests = Path.Combine(AppContext.BaseDirectory, "litellm", "tests");

    readonly Process _process;

    HookGateway(Process process) => _process = process;

    /// <param name="spool">The folder that outlives it.</param>
    public static HookGateway Start(Uri controlPlane, string key, string spool)
    {
        var start = new ProcessStartInfo("python3", [Path.Combine(Tests, "gateway.py")]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["CONTROLPLANE_URL"] = controlPlane.ToString();
        start.Environment["CONTROLPLANE_KEY"] = key;
        start.Environment["BUDGET_SPOOL_DIR"] = spool;
        return new HookGateway(Launch(start));
    }

    /// <summary>Runs the tests beside the hook.</summary>
    public static async Task<(int ExitCode, string Errors)> RunTestsAsync()
    {
        using var process = Launch(new ProcessStartInfo("python3", ["-m", "unittest", "discover", "-s", Tests]) { RedirectStandardError = true });
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, errors);
    }

    /// <returns>{call, allowed: true}, or {allowed: false, status, message} as a chat user sees it.</returns>
    public Task<JsonElement> AskAsync(int maxTokens, string model = "mistral:7b-instruct") =>
        DoAsync(new { @do = "ask", data = new { model, max_tokens = maxTokens } });

    /// <summary>The model answered.</summary>
    /// <param name="id">The answer's own.</param>
    public Task SucceedAsync(JsonElement asked, string id, int promptTokens, int completionTokens) => DoAsync(new
    {
        @do = "succeed",
        call = asked.GetProperty("call").GetInt32(),
        payload = new { id, prompt_tokens = promptTokens, completion_tokens = completionTokens, endTime = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 },
    });

    /// <summary>The model did not answer, and LiteLLM gave up.</summary>
    public Task FailAsync(JsonElement asked) => DoAsync(new { @do = "fail", call = asked.GetProperty("call").GetInt32() });

    /// <summary>Events in the spool.</summary>
    public async Task<int> WaitingAsync() => (await DoAsync(new { @do = "waiting" })).GetProperty("waiting").GetInt32();

    /// <summary>SIGKILL: no clean-up of any kind.</summary>
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
            throw new InvalidOperationException("These tests need python3 on the PATH (Debian, Ubuntu: apt install python3); Category!=Python leaves them out.", e);
        }
    }

    async Task<JsonElement> DoAsync(object command)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(command));
        await _process.StandardInput.FlushAsync();
        var answer = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The gateway ended: its standard error says why.");
        return JsonDocument.Parse(answer).RootElement;
    }
}
