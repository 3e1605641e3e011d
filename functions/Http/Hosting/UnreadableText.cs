using System.Text;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Npgsql;

namespace ControlPlane.Http.Hosting;

/// <summary>Refuses bodies in an encoding that nobody here can read; the framework throws for those.</summary>
sealed class KnownEncodings(RequestDelegate next)
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

/// <summary>Text with a NUL character is text to HTTP and JSON, but not to PostgreSQL. It means nothing anywhere, so it is refused.</summary>
sealed class UnstorableText(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        if (exception is not PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter })
        {
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = 400, Title = "Unreadable text", Detail = "A text holds a character that cannot be stored, such as U+0000: leave it out." },
        });
    }
}
