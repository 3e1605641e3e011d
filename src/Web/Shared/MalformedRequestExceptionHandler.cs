using System.Text;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Net.Http.Headers;
using Npgsql;

namespace ControlPlane.Web.Shared;

/// <summary>Rejects bodies in an unknown charset, for which the framework would throw.</summary>
sealed class CharsetMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context) =>
        IsKnown(context.Request.ContentType)
            ? next(context)
            : TypedResults.Problem("Send the body in UTF-8.", statusCode: StatusCodes.Status415UnsupportedMediaType, title: "Unsupported charset").ExecuteAsync(context);

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
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            // UTF-7 is known, but disabled.
            return false;
        }
    }
}

/// <summary>
/// Answers client errors that surface only while the request is processed: a body that is truncated or does not match its headers, and text
/// with a NUL character, which is valid in HTTP and JSON but not in PostgreSQL.
/// </summary>
sealed class MalformedRequestExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        (int Status, string Detail)? response = exception switch
        {
            BadHttpRequestException bad => (bad.StatusCode, "The body does not match its headers or is incomplete."),
            PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter } =>
                (StatusCodes.Status400BadRequest, "A string contains a character that cannot be stored, such as U+0000. Remove it."),
            // The charset of a part of a form.
            NotSupportedException when context.Request.HasFormContentType => (StatusCodes.Status415UnsupportedMediaType, "Send the form in UTF-8."),
            _ => null,
        };
        if (response is not { } known)
        {
            return false;
        }

        context.Response.StatusCode = known.Status;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = known.Status, Title = "Malformed request", Detail = known.Detail },
        });
    }
}
