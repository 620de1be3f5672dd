namespace Gemma3Server.Cli.Chat;

/// <summary>The time of one answer, within which Ctrl-C stops the answer and not the chat.</summary>
internal sealed class AnswerScope(CancellationTokenSource source, Action ended) : IDisposable
{
    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        ended();
        source.Dispose();
    }
}
