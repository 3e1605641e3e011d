using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;

namespace ControlPlane.Web.Shared;

/// <summary>A request that could not be bound to what its endpoint takes: says which part, and what to send instead.</summary>
sealed partial class BadRequest(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        if (exception is not BadHttpRequestException bad)
        {
            return false;
        }

        context.Response.StatusCode = bad.StatusCode;
        // Other statuses have their words where all of that status have them.
        var detail = bad.StatusCode == StatusCodes.Status400BadRequest ? Detail(bad) : null;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = bad.StatusCode, Detail = detail },
        });
    }

    static string Detail(BadHttpRequestException bad) => bad.InnerException switch
    {
        // The reader's own complaint: the text is not JSON.
        JsonException { InnerException: JsonException, LineNumber: { } line, BytePositionInLine: { } position } =>
            $"The body is not JSON (line {line + 1}, byte {position}). /openapi/v1.json describes what to send.",
        // $.field
        JsonException { Path: { Length: > 2 } path } => $"The value of {path[2..]} is not of the type it has to be. /openapi/v1.json describes the body.",
        _ when Parameter().Match(bad.Message) is { Success: true } match =>
            $"The value of {match.Groups[1].Value} cannot be read. /openapi/v1.json says what it may be.",
        _ => "Send what this address takes, a body as JSON in UTF-8. /openapi/v1.json describes it.",
    };

    // The framework's words about a value of the path, the query or a header; the only place that has its name.
    [GeneratedRegex(@"^Failed to bind parameter ""\S+ (\w+)"" from ")]
    private static partial Regex Parameter();
}
