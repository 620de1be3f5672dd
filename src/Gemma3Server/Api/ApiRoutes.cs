using Gemma3Server.Api.Models;
using Gemma3Server.Api.Tokens;

namespace Gemma3Server.Api;

/// <summary>Which routes are the API's, as against health and documentation.</summary>
internal static class ApiRoutes
{
    private static readonly PathString[] Outside = [TokensEndpoint.TokenizePath, TokensEndpoint.DetokenizePath, ChatPromptEndpoint.TemplatePath];

    /// <summary>Whether a route asks for a key where the server has keys.</summary>
    public static bool NeedsKey(PathString path) => path.StartsWithSegments("/v1") || Array.Exists(Outside, route => path.StartsWithSegments(route));

    /// <summary>Whether a route asks for an admin key.</summary>
    public static bool NeedsAdminKey(PathString path) => path.StartsWithSegments(ModelOrdersEndpoint.Path);
}
