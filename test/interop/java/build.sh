#!/bin/sh
# Builds the package as users get it, installs it into an empty project, and builds the agent there.
#   sh build.sh FOLDER      FOLDER/repository holds the package, FOLDER/agent/run starts the agent
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
root=$(cd "$here/../../.." && pwd)
maven="mvn --batch-mode --quiet"

$maven --file "$root/clients/java" deploy -DskipTests "-DaltDeploymentRepository=folder::file://$folder/repository"

mkdir -p "$folder/agent"
cp -R "$here/pom.xml" "$here/src" "$folder/agent/"
cd "$folder/agent"
# Maven keeps a version that it has fetched once, but here it changes.
$maven dependency:purge-local-repository -DmanualIncludes=dev.sealwire:sealwire -DreResolve=false
$maven package "-Dsealwire.repository=file://$folder/repository" "-Dproto.root=$root/test/interop/proto"
java -cp 'target/classes:target/dependency/*' agent.Linked
cat >run <<EOF
#!/bin/sh
exec java -cp '$folder/agent/target/classes:$folder/agent/target/dependency/*' agent.Main "\$@"
EOF
chmod +x run
