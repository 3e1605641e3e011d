using System.Text;

namespace ControlPlane.Platform.Jobs;

/// <summary>
/// When a failed item of a queue is tried again: after 1, 2, 4, … minutes, then once an hour, for about half a day. Then it is dead: an operator sees
/// it and may retry it.
/// </summary>
public static class QueueRetries
{
    public const int MaxAttempts = 20;

    /// <summary>SQL: the interval until the next attempt, of a row whose column <c>attempts</c> includes the one that failed.</summary>
    public const string Delay = "make_interval(mins => least(60, 2 ^ (attempts - 1))::int)";

    const int MaxErrorLength = 500;

    /// <summary>A message of another program, as it can be stored and shown: one line of at most 500 characters.</summary>
    public static string ErrorText(string message) => string.Concat(message.EnumerateRunes().Where(rune => !Rune.IsControl(rune)).Take(MaxErrorLength));
}
