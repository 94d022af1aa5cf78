// Package packages tests what folder packaging makes: the deb, the tar.gz and the list of
// the program's parts; the unit files, by systemd's own checks; the chart and the plain
// manifest, by helm and by the types of the Kubernetes API.
//
// What is not promised: that anything is tested whose tool is missing. The test then says
// so; "make test" builds helm and the others beforehand.
package packages
