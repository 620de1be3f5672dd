using System.Text;

namespace Gemma3Server.Chat.Tools;

/// <summary>Reads the arguments of one call as they come.</summary>
internal interface IArgumentsReader
{
    /// <summary>Reads until the arguments end; adds their JSON to <paramref name="json"/>.</summary>
    /// <param name="text">What has come.</param>
    /// <param name="json">Receives JSON.</param>
    /// <param name="read">Characters that were read.</param>
    /// <returns>Whether the arguments have ended.</returns>
    bool Read(ReadOnlySpan<char> text, StringBuilder json, out int read);
}
