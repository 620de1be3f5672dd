using System.Text;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api;

/// <summary>Names the given parameters that have no effect.</summary>
internal static class IgnoredHeader
{
    /// <summary>
    /// Adds them to the header <c>x-ignored-params</c>. A stream that had to begin while its model was loaded has sent its headers: there they stand
    /// in a comment.
    /// </summary>
    public static void NameIgnored(this HttpResponse response, IReadOnlyList<string> names)
    {
        if (names.Count == 0) return;
        var list = string.Join(',', names);
        if (response.HasStarted) Encoding.UTF8.GetBytes($": {ChatCompletionsEndpoint.IgnoredHeader}: {list}\n\n", response.BodyWriter);
        else response.Headers[ChatCompletionsEndpoint.IgnoredHeader] = response.Headers[ChatCompletionsEndpoint.IgnoredHeader] is [var before] ? $"{before},{list}" : list;
    }
}
