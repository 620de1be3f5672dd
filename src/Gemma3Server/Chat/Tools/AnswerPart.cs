namespace Gemma3Server.Chat.Tools;

/// <summary>What an answer goes on with.</summary>
internal abstract record AnswerPart
{
    private AnswerPart()
    {
    }

    /// <summary>Text for the reader.</summary>
    internal sealed record Content(string Text) : AnswerPart;

    /// <summary>The beginning of a call; its arguments follow.</summary>
    /// <param name="Index">Which call of the answer, from 0.</param>
    /// <param name="Id">Its id, <c>call_...</c></param>
    /// <param name="Name">The tool.</param>
    internal sealed record CallBegin(int Index, string Id, string Name) : AnswerPart;

    /// <summary>More of a call's arguments.</summary>
    /// <param name="Index">Which call.</param>
    /// <param name="Json">A piece of JSON text.</param>
    internal sealed record Arguments(int Index, string Json) : AnswerPart;

    /// <summary>The end of a call.</summary>
    /// <param name="Index">Which call.</param>
    internal sealed record CallEnd(int Index) : AnswerPart;
}
