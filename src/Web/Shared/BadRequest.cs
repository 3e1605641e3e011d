using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;

namespace ControlPlane.Web.Shared;

/// <summary>Answers a request that could not be bound to the parameters of its endpoint: names the part and what to send instead.</summary>
sealed partial class BadRequest(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        if (exception is not BadHttpRequestException bad)
        {
            return false;
        }

        context.Response.StatusCode = bad.StatusCode;
        // Other statuses have the detail that all responses of that status have.
        var detail = bad.StatusCode == StatusCodes.Status400BadRequest ? Detail(bad) : null;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = bad.StatusCode, Detail = detail },
        });
    }

    static string Detail(BadHttpRequestException bad) => bad.InnerException switch
    {
        // Thrown by the reader itself: the text is not JSON.
        JsonException { InnerException: JsonException, LineNumber: { } line, BytePositionInLine: { } position } =>
            $"The body is not JSON (line {line + 1}, byte {position}). /openapi/v1.json describes what to send.",
        // $.field
        JsonException { Path: { Length: > 2 } path } => $"The value of {path[2..]} has the wrong type. /openapi/v1.json describes the body.",
        _ when Parameter().Match(bad.Message) is { Success: true } match =>
            $"The value of {match.Groups[1].Value} is invalid. /openapi/v1.json describes the parameter.",
        _ => "The request is malformed. Send the body as JSON in UTF-8. /openapi/v1.json describes it.",
    };

    // The framework's message is the only place that names the path, query or header parameter.
    [GeneratedRegex(@"^Failed to bind parameter ""\S+ (\w+)"" from ")]
    private static partial Regex Parameter();
}
