using System.Text;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Net.Http.Headers;
using Npgsql;

namespace ControlPlane.Web.Shared;

/// <summary>Refuses bodies in an encoding that nobody here can read; the framework throws for those.</summary>
sealed class CharsetMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context) =>
        IsKnown(context.Request.ContentType)
            ? next(context)
            : TypedResults.Problem("Send the body in UTF-8.", statusCode: StatusCodes.Status415UnsupportedMediaType, title: "Unknown encoding").ExecuteAsync(context);

    static bool IsKnown(string? contentType)
    {
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type) || !type.Charset.HasValue)
        {
            return true;
        }

        try
        {
            return Encoding.GetEncoding(HeaderUtilities.RemoveQuotes(type.Charset).ToString()) is not null;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>
/// What a client did wrong and only shows when it is used: a body that breaks off or is not as its headers say, and text with a NUL
/// character, which is text to HTTP and JSON but not to PostgreSQL.
/// </summary>
sealed class MalformedRequestExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        (int Status, string Detail)? answer = exception switch
        {
            BadHttpRequestException bad => (bad.StatusCode, "The body is not as its headers announce it, or it broke off."),
            PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter } =>
                (StatusCodes.Status400BadRequest, "A text holds a character that cannot be stored, such as U+0000: leave it out."),
            _ => null,
        };
        if (answer is not { } known)
        {
            return false;
        }

        context.Response.StatusCode = known.Status;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = known.Status, Title = "Unreadable request", Detail = known.Detail },
        });
    }
}
