namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>What repacking did.</summary>
/// <param name="SourceBytes">Bytes of the source file.</param>
/// <param name="TargetBytes">Bytes of the file that was written.</param>
/// <param name="CorrectedTokens">Number of tokens whose type was corrected.</param>
/// <param name="NamedEndOfTurn">Whether the end-of-turn id was added.</param>
public sealed record RepackResult(long SourceBytes, long TargetBytes, int CorrectedTokens, bool NamedEndOfTurn);
