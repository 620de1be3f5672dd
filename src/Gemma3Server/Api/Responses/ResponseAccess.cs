using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;
using Gemma3Server.Responses;

namespace Gemma3Server.Api.Responses;

/// <summary>Who may see a stored response, and what is said when it cannot be seen.</summary>
internal static class ResponseAccess
{
    private static readonly TimeSpan StorageRetry = TimeSpan.FromSeconds(5);

    /// <summary>Whose the responses of a request are. On an open server keys only tell clients apart, and all see everything.</summary>
    public static string Owner(HttpContext context, HttpSettings settings) => settings.ApiKeys.Length == 0 ? "" : ClientIdentity.Of(context).Key;

    public static OpenAiError NotFound(string id) => new()
    {
        Status = StatusCodes.Status404NotFound,
        Param = "response_id",
        Code = "response_not_found",
        Message = $"Response with id '{Excerpt.Of(id)}' not found.",
    };

    /// <summary>Answers what could not be answered because stored responses cannot be used.</summary>
    public static async ValueTask<object?> AnswerStorageFaultsAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        try
        {
            return await next(invocation);
        }
        catch (StorageException exception) when (!invocation.HttpContext.Response.HasStarted)
        {
            await invocation.HttpContext.Response.WriteErrorAsync(OpenAiError.Unavailable(
                "storage_unavailable", $"{exception.Message} Requests with 'store' set to false need no storage.", StorageRetry));
            return Results.Empty;
        }
    }
}
