namespace ControlPlane.Local.Demo;

/// <summary>The platform answered otherwise than it should. The message says to what, and how.</summary>
public sealed class DemoFailureException(string message) : Exception(message);

static class Answers
{
    /// <summary>The body of a success.</summary>
    /// <exception cref="DemoFailureException">Any other status; the message holds the body.</exception>
    public static async Task<string> TextAsync(this HttpResponseMessage reply, CancellationToken ct)
    {
        var text = await reply.Content.ReadAsStringAsync(ct);
        return reply.IsSuccessStatusCode
            ? text
            : throw new DemoFailureException($"{reply.RequestMessage?.Method} {reply.RequestMessage?.RequestUri} was answered with {(int)reply.StatusCode}: {text}");
    }
}
