using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Engine.Tests.Structured;

public sealed class GbnfTests
{
    [Theory]
    [InlineData("root ::= \"yes\" | \"no\"", "yes|no", "y|yesno|")]
    [InlineData("root ::= [a-c]+ # letters\n", "a|abc", "d|")]
    [InlineData("root ::= a b?\na ::= \"x\"\nb ::= [0-9]{2,3}", "x|x12|x123", "x1|12")]
    [InlineData("root ::= (\"a\"\n  | \"b\" \"c\")*", "|a|bca", "b")]
    [InlineData("root ::=\n  \"a\" |\n  \"b\"\n\n", "a|b", "ab")]
    [InlineData("root ::= \"\\x41\\u00e9\\U0001F389\\n\\\\\\\"\"", "Aé🎉\n\\\"", "A")]
    [InlineData("root ::= [^\"\\\\\\x00-\\x1F]*", "日本 x|", "a\"|\n")]
    [InlineData("root ::= .\"x\"", "日x|\nx", "x")]
    [InlineData("root ::= \"(\" root \")\" | \"\"", "|(())", "(()|)")]
    [InlineData("root ::= e\ne ::= t (\"+\" t)*\nt ::= [0-9]+ | \"(\" e \")\"", "1+2|(1+(2+3))+4", "1+|(1|+1")]
    [InlineData("root ::= x y x\nx ::= \"a\"?\ny ::= \"b\" | x", "|a|b|ab|aba|aaa", "bb|aaaa")]
    [InlineData("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"\"", "|ab|aacb|aabc", "a|abb")]
    public void Build_Grammar_AllowsItsTextsOnly(string grammar, string valid, string invalid)
    {
        var compiled = Grammars.Gbnf(grammar);
        Assert.All(valid.Split('|'), text => Assert.True(compiled.Takes(text), text));
        Assert.All(invalid.Split('|').Where(t => t.Length > 0 || !valid.Split('|').Contains("")), text => Assert.False(compiled.Takes(text), text));
    }

    [Theory]
    [InlineData("root ::= root \"a\" | \"b\"", "left-recursive: the rule 'root'")]
    [InlineData("root ::= a\na ::= b \"x\"\nb ::= \"y\"? a | \"z\"", "left-recursive")]
    [InlineData("root ::= other", "the rule 'other', which it does not define")]
    [InlineData("start ::= \"a\"", "no rule 'root'")]
    [InlineData("", "no rule 'root'")]
    [InlineData("root ::= \"a\" root", "no finite text")]
    [InlineData("root ::= \"a\nroot2 ::= ", "'\"' is expected")]
    [InlineData("root ::= (\"a\"", "')' is expected")]
    [InlineData("root ::= [a", "']' is expected")]
    [InlineData("root = \"a\"", "'::=' is expected")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", "twice")]
    [InlineData("root ::= *", "nothing to repeat")]
    [InlineData("root ::= \"a\"{3,2}", "wrong order")]
    [InlineData("root ::= \"c\"{,2}", "a number is expected")]
    [InlineData("root ::= \"\\q\"", "unknown escape")]
    [InlineData("root ::= \"\\xG0\"", "hexadecimal")]
    [InlineData("root ::= <[1000]>", "token references")]
    [InlineData("root ::= \"a\" )", "end of the rule")]
    public void Build_InvalidGrammar_SaysWhy(string grammar, string message) =>
        Assert.Contains(message, Grammars.Fault(new(GrammarKind.Gbnf, grammar)).Message, StringComparison.Ordinal);

    [Fact]
    public void Build_DeepOrLargeGrammars_AreBounded()
    {
        var deep = "root ::= " + new string('(', 20_000) + "\"a\"" + new string(')', 20_000);
        Assert.Contains("nested deeper", Grammars.Fault(new(GrammarKind.Gbnf, deep)).Message, StringComparison.Ordinal);
        Assert.Contains("characters", Grammars.Fault(new(GrammarKind.Gbnf, new string('#', 300_000))).Message, StringComparison.Ordinal);

        // A chain of rules is not nested.
        var chain = string.Concat(Enumerable.Range(0, 9_000).Select(i => $"r{i} ::= \"a\" r{i + 1}\n")) + "r9000 ::= \"b\"\nroot ::= r0";
        Assert.True(Grammars.Gbnf(chain).Takes(new string('a', 9000) + "b"));
    }

    [Fact]
    public void Step_AmbiguousGrammar_TakesNoMoreThanItsWidth()
    {
        // Two ways at every level: 2^n stacks if each were kept apart.
        var grammar = Grammars.Gbnf("root ::= s\ns ::= \"a\" s \"b\" | \"a\" s \"c\" | \"a\"");
        Assert.True(grammar.Takes(new string('a', 500) + string.Concat(Enumerable.Repeat("bc", 249)) + "b"));
        var optional = Grammars.Gbnf("root ::= " + string.Concat(Enumerable.Repeat("(\"a\")? ", 1000)) + "\"b\"");
        Assert.True(optional.Takes(new string('a', 700) + "b"));
        Assert.True(Grammars.Gbnf("root ::= \"a\"{1,1000000}").Takes(new string('a', 5000)));
    }

    [Fact]
    public void Generate_JsonGrammar_YieldsJson()
    {
        const string Json = """
            root   ::= object
            value  ::= object | array | string | number | ("true" | "false" | "null") ws
            object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
            array  ::= "[" ws ( value ("," ws value)* )? "]" ws
            string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
            number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
            ws ::= | " " | "\n" [ \t]{0,20}
            """;
        var grammar = Grammars.Gbnf(Json);
        var random = new Random(3);
        var ended = 0;
        for (var i = 0; i < 100; i++)
        {
            if (grammar.Generate(random, 100) is not { } text) continue;
            using var document = System.Text.Json.JsonDocument.Parse(text, new() { MaxDepth = 1000 });
            ended++;
        }

        Assert.True(ended > 20, $"Only {ended} texts ended.");
    }
}
